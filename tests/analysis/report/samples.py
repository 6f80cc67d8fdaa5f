"""A store whose study has all that a page can show, and texts that would be markup if they could."""

from dataclasses import replace

from harness.records.record import CONTROL_AXIS, CONTROL_OFF, Control, RunRecord, Skipped, Study

SCRIPT = "</script><script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
CELLS = (
    {"norm": "none", CONTROL_AXIS: CONTROL_OFF},
    {"norm": SCRIPT, CONTROL_AXIS: CONTROL_OFF},
    {"norm": IMAGE, CONTROL_AXIS: CONTROL_OFF},
    {"norm": "none", CONTROL_AXIS: "lr"},
)
STUDY = Study(
    name="norms",
    profile="laptop",
    question=f"Is {IMAGE} < {SCRIPT}?",
    metric="final/accuracy",
    axes={"norm": ("none", SCRIPT, IMAGE, "gone"), CONTROL_AXIS: (CONTROL_OFF, "lr")},
    baseline={"norm": "none"},
    seeds=(0, 1, 2, 3, 4, 5),
    cells=CELLS,
    cell_ids=("c0", "c1", "c2", "c3"),
    skipped=(Skipped({"norm": "gone", CONTROL_AXIS: CONTROL_OFF}, f"because {IMAGE}"),),
    primary=({"norm": (SCRIPT,)},),
    margin=0.05,
    controls=(Control("lr", {"norm": "none", CONTROL_AXIS: "lr"}, "worse", "final/accuracy", f"too high {SCRIPT}"),),
    choices=(f"left open: {SCRIPT}",),
)
LEVELS = {0: 0.5, 1: 0.75, 2: 0.5, 3: 0.25}  # accuracy by cell
STEPS = 4


def accuracy(cell: int, seed: int) -> float:
    """Seeds differ by 0.01; those of cell 1 a little more, so that no difference is without spread."""
    return LEVELS[cell] + 0.01 * seed + 0.001 * seed * (cell == 1)


def record(cell: int, seed: int, **changes: object) -> RunRecord:
    found = RunRecord(
        run_id=f"c{cell}-s{seed}",
        cell_id=f"c{cell}",
        study="norms",
        profile="laptop",
        labels=CELLS[cell],
        seed=seed,
        status="finished",
        scores={"final/accuracy": accuracy(cell, seed), "final/length": 20.0 + cell, "cost/tokens": 1000.0},
        config={"seed": seed, "steps": STEPS, "tricks": {"label": CELLS[cell]["norm"]}},
        rule={"advantages": (f"Normalize({SCRIPT})",)},
        provenance={"commit": "0123456789abcdef", "dirty": "no", "torch": f"2 {IMAGE}"},
        wall_seconds=20.0,
        cpu_seconds=18.0,
        peak_memory_mb=500.0,
    )
    return replace(found, **changes)


def curve(cell: int, seed: int) -> list[float]:
    """On-policy accuracy at steps 1 to 4, a straight line."""
    return [accuracy(cell, seed) * step / STEPS for step in range(1, STEPS + 1)]


def fill(store):
    """All runs of cells 0, 1 and 3; of cell 2 two that finished and one that failed."""
    store.save_study(STUDY)
    for cell in range(len(CELLS)):
        for seed in STUDY.seeds[: 3 if cell == 2 else None]:
            broken = {"status": "failed", "scores": {}, "error": f"OSError: {IMAGE}"} if (cell, seed) == (2, 2) else {}
            found = record(cell, seed, **broken)
            handle = store.begin(found.head)
            for step, value in enumerate(curve(cell, seed), start=1):
                store.log(handle, step, {"rollout/accuracy": value, "rollout/tokens": 250.0, "seconds/cpu": 4.0})
            store.finish(handle, found)
