"""Short runs, stopped and taken up again, and all that is compared of two of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.config.experiment import load_config
from harness.rollouts.metrics import is_timing
from harness.training.run import FinishedRun, RunSpec, execute_run

SMALL = (
    "steps=3",
    "rollout.prompts_per_batch=4",
    "rollout.group_size=4",
    "rollout.max_response_length=24",
    "eval.problems=2",
    "eval.samples=2",
    "eval.every=2",
    "optim.warmup_steps=5",
    "checkpoint.every=1",
    "checkpoint.export=true",
)
TIMINGS = ("wall_seconds", "cpu_seconds", "peak_memory_mb")


def spec(*overrides: str, **provenance: str) -> RunSpec:
    return RunSpec("tests", "laptop", {"arm": "x"}, load_config(*SMALL, *overrides), {"commit": "c0ffee", **provenance})


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def advance(chosen: RunSpec, folder: Path, step: int) -> None:
    """Follow the run up to the report of a step, and abandon it there."""
    reports = execute_run(chosen, folder)
    for report in reports:
        assert not isinstance(report, FinishedRun)
        if report.step == step:
            break
    reports.close()


def finish(chosen: RunSpec, folder: Path) -> list[int]:
    """Follow the run to its end; the steps that it reports."""
    *reports, finished = execute_run(chosen, folder)
    assert isinstance(finished, FinishedRun)
    return [report.step for report in reports]


def result(folder: Path) -> dict[str, Any]:
    """All that a run leaves behind, but for what depends on the machine's load."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    record = json.loads((folder / "record.json").read_text())
    files = ("outcomes.parquet", "clipped_tokens.json", "model/model.safetensors")
    return {
        "metrics": [{name: value for name, value in line.items() if not is_timing(name)} for line in lines],
        "record": {name: value for name, value in record.items() if name not in TIMINGS},
        **{name: (folder / name).read_bytes() for name in files},
    }
