"""One run that says its steps, and how long they took."""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path

from harness.training.run import FinishedRun, execute_run
from tests.harness.checkpoint.runs import spec

STEPS = 12
CHOSEN = ("preset=dapo", f"steps={STEPS}", "+tricks.kl_loss={}", "optim.epochs=2", "eval.every=3")


def follow(folder: Path, told: Connection) -> None:
    """Execute it, to the end or until this process is killed."""
    for item in execute_run(spec(*CHOSEN), folder):
        if not isinstance(item, FinishedRun):
            told.send((item.step, item.metrics.get("seconds/step")))
