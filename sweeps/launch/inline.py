"""Run sequentially in this process, for debuggers: ``LAUNCH=inline``."""

from __future__ import annotations

import os
import platform
import traceback
from typing import TYPE_CHECKING

from harness.common.signals import Preempted
from harness.records.failures import cause
from sweeps.launch.events import ATTEMPTS, Event, Failure, RunStarted
from sweeps.launch.retry import diverged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sweeps.plan.plan import PlannedRun


def launch_inline(runs: Sequence[PlannedRun], folder: Path) -> Iterator[Event]:
    """Yield the events of the runs; each run writes to its own folder under ``folder``."""
    from sweeps.launch.worker import perform  # noqa: PLC0415 - a sweep with nothing to run need not import transformers

    for run in runs:
        for attempt in range(1, ATTEMPTS + 1):
            yield Event(run, RunStarted(os.getpid(), platform.node()))
            try:
                for message in perform(run, folder / run.folder):
                    yield Event(run, message)
                break
            except Preempted:
                raise KeyboardInterrupt from None
            except Exception as error:  # any error of a run is its result
                final = attempt == ATTEMPTS or diverged(error)
                yield Event(run, Failure(cause(error), traceback.format_exc(), final))
                if final:
                    break
