"""Execute one run in a worker process, and what the launcher executes for each place in its queue.

Imports no Ray: commands that run nothing load this module too.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from sweeps.launch.environment import SweepError
from sweeps.launch.events import Launchable, Message, RunStarted

if TYPE_CHECKING:
    from harness.config import ExperimentConfig
    from sweeps.plan import PlannedRun


Run = TypeVar("Run", bound=Launchable)


@dataclass(frozen=True, slots=True)
class Workload(Generic[Run]):
    """Functions that the launcher calls for each place in its queue."""

    perform: Callable[[Run, Path], Iterator[Message]]  # executes a run; the path is the folder of all runs
    begin: Callable[[Any], Run | None]  # chooses the run when there is room for it; None: nothing has to run
    stopped: Callable[[Run], bool]  # asked after each event: True stops the run now


def execute_task(
    run: Run, folder: str, mark: str, perform: Callable[[Run, Path], Iterator[Message]]
) -> Iterator[Message]:
    """Execute a run and yield its messages, starting with the worker's location.

    Args:
        run: the run
        folder: the driver's folder of runs
        mark: the name of a file that only the driver's folder has
        perform: executes the run

    Yields:
        Messages for the driver.

    """
    import ray  # noqa: PLC0415 - runs in the driver's process need no Ray

    yield RunStarted(os.getpid(), platform.node(), ray.get_runtime_context().get_node_id())
    here = choose_run_folder(folder, mark, run.config) if run.folder else Path(folder)
    yield from perform(run, here)
    if run.folder and here != Path(folder):
        shutil.rmtree(here / run.folder, ignore_errors=True)


def _perform(run: PlannedRun, folder: Path) -> Iterator[Message]:
    from sweeps.launch.worker import execute_planned_run  # noqa: PLC0415 - torch and transformers are for workers, once a process

    yield from execute_planned_run(run, folder / run.folder)


PLANNED: Final[Workload[PlannedRun]] = Workload(_perform, begin=lambda run: run, stopped=lambda _: False)


def choose_run_folder(folder: str, mark: str, config: ExperimentConfig) -> Path:
    """Return the folder where a run writes.

    It is the driver's folder, or a folder of this machine if the driver's is not visible here. In the second case the
    last message carries the files.

    Args:
        folder: the driver's folder of runs
        mark: the name of a file that only the driver's folder has; another folder may have the same path
        config: the settings of the run

    Returns:
        The folder.

    Raises:
        SweepError: the run would lose something in a folder of this machine.

    """
    shared = Path(folder)
    if (shared / mark).is_file():
        return shared
    for loss, setting in _losses(config):
        raise SweepError(
            f"{platform.node()} does not see {folder}, and {loss}; put the results on a folder that all nodes share, "
            f"or set {setting}"
        )
    own = Path(tempfile.gettempdir()) / f"runs-of-{os.getuid()}"  # the same for the next attempt, which resumes there
    own.mkdir(mode=0o700, exist_ok=True)
    return own


def _losses(config: ExperimentConfig) -> Iterator[tuple[str, str]]:
    """Yield what cannot be on one node alone, and the setting that avoids it."""
    ranks = config.backend.deepspeed.ranks if config.backend.deepspeed else 1
    if config.checkpoint.export:
        yield "Ray does not transfer an exported model", "checkpoint.export=false"
    if ranks > 1 and config.checkpoint.every:
        yield f"{ranks} ranks can write a checkpoint only to a shared folder", "checkpoint.every=0"
