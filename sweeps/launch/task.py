"""A run in a worker process of Ray's, wherever it is."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import ray

from sweeps.launch.errors import SweepError
from sweeps.launch.events import RunStarted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.config.experiment import ExperimentConfig
    from sweeps.launch.events import Message
    from sweeps.plan.plan import PlannedRun


def work(run: PlannedRun, folder: str, mark: str) -> Iterator[Message]:
    """What the run says, after a first word from where it is."""
    yield RunStarted(os.getpid(), platform.node(), ray.get_runtime_context().get_node_id())
    from sweeps.launch.worker import perform  # noqa: PLC0415 - torch and transformers are for workers, once a process

    here = place(folder, mark, run.config)
    yield from perform(run, here / run.folder)
    if here != Path(folder):
        shutil.rmtree(here / run.folder, ignore_errors=True)


def place(folder: str, mark: str, config: ExperimentConfig) -> Path:
    """Where runs write: the driver's folder, or one of this machine, from which the last message takes the files.

    ``mark`` is the name of a file that only the driver's folder has: another may have the same path. Raises SweepError
    where the run would lose something there.
    """
    shared = Path(folder)
    if (shared / mark).is_file():
        return shared
    for loss, setting in _losses(config):
        raise SweepError(
            f"{platform.node()} does not see {folder}, and {loss}; put the results on a folder that all nodes share, "
            f"or set {setting}"
        )
    own = Path(tempfile.gettempdir()) / f"runs-of-{os.getuid()}"  # the same for the next try, which goes on there
    own.mkdir(mode=0o700, exist_ok=True)
    return own


def _losses(config: ExperimentConfig) -> Iterator[tuple[str, str]]:
    """What cannot lie on one node alone, and the setting that goes without it."""
    ranks = config.backend.deepspeed.ranks if config.backend.deepspeed else 1
    if config.checkpoint.export:
        yield "an exported model does not travel through Ray", "checkpoint.export=false"
    if ranks > 1 and config.checkpoint.every:
        yield f"{ranks} ranks cannot write a checkpoint together elsewhere", "checkpoint.every=0"
