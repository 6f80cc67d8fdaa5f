"""A run in a worker process of Ray's, wherever it is."""

from __future__ import annotations

import os
import platform
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import ray

from sweeps.events import Hello

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sweeps.events import Message
    from sweeps.plan import PlannedRun


def work(run: PlannedRun, folder: str) -> Iterator[Message]:
    """What the run says, after a first word from where it is."""
    yield Hello(os.getpid(), platform.node(), ray.get_runtime_context().get_node_id())
    from sweeps.worker import perform  # noqa: PLC0415 - torch and transformers are for workers, once a process

    # A node of a cluster need not share the driver's disk; the files travel with the last message.
    here = Path(folder) if Path(folder).is_dir() else Path(tempfile.mkdtemp(prefix="run-"))
    yield from perform(run, here / run.folder)
