"""What a worker process does with a run. Only workers import this: it brings torch and transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.run import Finished, RunSpec, execute
from sweeps.events import Done, Report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sweeps.plan import PlannedRun


def perform(run: PlannedRun, folder: Path) -> Iterator[Report | Done]:
    """Execute the run and say in plain data what it says."""
    for item in execute(RunSpec(run.study, run.profile, run.labels, run.config, run.provenance), folder):
        if isinstance(item, Finished):
            yield Done(item.record, item.files)
        else:
            yield Report(item.step, item.metrics)
