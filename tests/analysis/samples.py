"""A study of two arms in two settings, and records for it."""

from dataclasses import replace

from harness.records.record import RunRecord, Study

CELLS = tuple(
    {"model": "small", "level": level, "norm": norm} for level in ("easy", "hard") for norm in ("none", "group")
)
STUDY = Study(
    name="norms",
    profile="laptop",
    question="Which normalisation?",
    metric="final/accuracy",
    axes={"model": ("small",), "level": ("easy", "hard"), "norm": ("none", "group")},
    baseline={"norm": "none"},
    seeds=(0, 1, 2),
    cells=CELLS,
    cell_ids=("c0", "c1", "c2", "c3"),
)


def run(cell: int, seed: int, accuracy: float | None = 0.5, **changes) -> RunRecord:
    record = RunRecord(
        run_id=f"c{cell}-s{seed}",
        cell_id=f"c{cell}",
        study="norms",
        profile="laptop",
        labels=CELLS[cell],
        seed=seed,
        status="finished",
        scores={} if accuracy is None else {"final/accuracy": accuracy},
        config={"steps": 30},
        rule={"advantages": ("Normalize(mean='group', std='group')",)},
        provenance={"commit": "0123456789abcdef", "dirty": "no", "torch": "2.13.0"},
        wall_seconds=20.0,
        cpu_seconds=18.0,
        peak_memory_mb=500.0,
    )
    return replace(record, **changes)


def failed(cell: int, seed: int, error: str = "OutOfMemoryError: no memory") -> RunRecord:
    return run(cell, seed, None, status="failed", error=error)
