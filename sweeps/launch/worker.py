"""What a worker process does with a run. Only workers import this: it brings torch and transformers."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from harness.records.provenance import ENGINES, OF_A_CLONE, OF_A_MACHINE, engine_versions, provenance
from harness.training.run import Finished, RunSpec, execute
from sweeps.launch.errors import SweepError
from sweeps.launch.events import RunFinished, RunStepped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from harness.config.engines import BackendConfig
    from sweeps.plan.plan import PlannedRun


def perform(run: PlannedRun, folder: Path) -> Iterator[RunStepped | RunFinished]:
    """Execute the run and say in plain data what it says. Raises SweepError where the packages are not the plan's."""
    about = here(run.provenance, run.config.backend)
    for item in execute(RunSpec(run.study, run.profile, run.labels, run.config, about), folder):
        if isinstance(item, Finished):
            yield RunFinished(item.record, item.files)
        else:
            yield RunStepped(item.step, item.metrics)


def here(planned: Mapping[str, str], backend: BackendConfig) -> dict[str, str]:
    """The provenance, with the machine that runs it. The driver has written down its own, and its packages.

    Engines that the driver has not installed are named here. Raises SweepError where the packages are not the plan's.
    """
    own = provenance(backend)
    refuse_different(planned, own)
    return {**planned, **engine_versions(backend), **{name: own[name] for name in OF_A_MACHINE & planned.keys()}}


def refuse_different(planned: Mapping[str, str], own: Mapping[str, str]) -> None:
    """Raise SweepError for a package that this machine has in another version than planned, or an engine it lacks."""
    for name in sorted((own.keys() | ENGINES) & planned.keys() - OF_A_CLONE - OF_A_MACHINE):
        if planned[name] != own.get(name):
            has = f"{name} {own[name]}" if name in own else f"no {name}"
            extra = "make setup EXTRA=gpu (or cpu_engines)" if name in ENGINES else "install requirements.lock"
            raise SweepError(
                f"{platform.node()} has {has}, the driver {planned[name]}: records would name the wrong one; "
                f"{extra} on every node"
            )
