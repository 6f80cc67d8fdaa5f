"""The execution of a run in a worker process.

Only workers import this module, because it imports torch and transformers.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from harness.records import CLONE_KEYS, ENGINE_KEYS, MACHINE_KEYS, collect_provenance, find_engine_versions
from harness.training import FinishedRun, RunSpec, execute_run
from sweeps.launch.environment import SweepError
from sweeps.launch.events import RunFinished, RunStepped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from harness.config import BackendConfig
    from sweeps.plan import PlannedRun


def execute_planned_run(run: PlannedRun, folder: Path) -> Iterator[RunStepped | RunFinished]:
    """Execute the run and yield its messages as plain data.

    Raises SweepError where the packages differ from the plan's.
    """
    about = describe_worker(run.provenance, run.config.backend)
    for item in execute_run(RunSpec(run.study, run.profile, run.labels, run.config, about), folder):
        if isinstance(item, FinishedRun):
            yield RunFinished(item.record, item.files)
        else:
            yield RunStepped(item.step, item.metrics)


def describe_worker(planned: Mapping[str, str], backend: BackendConfig) -> dict[str, str]:
    """Return the provenance of the plan with the machine and the engines of this worker.

    The driver has recorded its own machine and packages. Engines that the driver has not installed are named here.

    Raises
    ------
    SweepError where the packages differ from the plan's.

    """
    own = collect_provenance(backend)
    refuse_different_versions(planned, own)
    return {**planned, **find_engine_versions(backend), **{name: own[name] for name in MACHINE_KEYS & planned.keys()}}


def refuse_different_versions(planned: Mapping[str, str], own: Mapping[str, str]) -> None:
    """Raise SweepError for a package whose version differs from the plan's.

    A missing engine is refused too.
    """
    for name in sorted((own.keys() | ENGINE_KEYS) & planned.keys() - CLONE_KEYS - MACHINE_KEYS):
        if planned[name] != own.get(name):
            has = f"{name} {own[name]}" if name in own else f"no {name}"
            extra = "make setup EXTRA=gpu (or cpu_engines)" if name in ENGINE_KEYS else "install requirements.lock"
            raise SweepError(
                f"{platform.node()} has {has}, the driver {planned[name]}: records would name the wrong version; "
                f"{extra} on every node"
            )
