"""What a worker process does with a run. Only workers import this: it brings torch and transformers."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from harness.provenance import OF_A_CLONE, OF_A_MACHINE, provenance
from harness.run import Finished, RunSpec, execute
from sweeps.errors import SweepError
from sweeps.events import Done, Report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sweeps.plan import PlannedRun


def perform(run: PlannedRun, folder: Path) -> Iterator[Report | Done]:
    """Execute the run and say in plain data what it says. Raises SweepError where the packages are not the plan's."""
    about = _here(run.provenance)
    for item in execute(RunSpec(run.study, run.profile, run.labels, run.config, about), folder):
        if isinstance(item, Finished):
            yield Done(item.record, item.files)
        else:
            yield Report(item.step, item.metrics)


def _here(planned: Mapping[str, str]) -> Mapping[str, str]:
    """The provenance, with the machine that runs it. The driver has written down its own, and its packages."""
    own = provenance()
    for name in planned.keys() & own.keys() - OF_A_CLONE - OF_A_MACHINE:
        if planned[name] != own[name]:
            raise SweepError(
                f"{platform.node()} has {name} {own[name]}, the driver {planned[name]}: records would name the wrong "
                "one; install requirements.lock on every node"
            )
    return {**planned, **{name: own[name] for name in OF_A_MACHINE & planned.keys()}}
