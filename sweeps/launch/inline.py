"""Run sequentially in this process, for debuggers: ``LAUNCH=inline``."""

from __future__ import annotations

import os
import platform
import traceback
from typing import TYPE_CHECKING, Any

from harness.common import Preempted, catch_interrupts
from harness.records import describe_error
from sweeps.launch.events import MAX_ATTEMPTS, Event, Failure, RunStarted
from sweeps.launch.retry import is_arm_failure
from sweeps.launch.task import PLANNED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sweeps.launch.events import Queued
    from sweeps.launch.task import Run, Workload


def launch_inline(queue: Sequence[Queued], folder: Path, workload: Workload[Any] = PLANNED) -> Iterator[Event[Any]]:
    """Yield the events of the runs, one run after the other.

    Args:
        queue: the runs, or the places whose runs the workload chooses
        folder: the folder of results/runs; each run writes to its own folder in it
        workload: what to execute

    Yields:
        Events.

    Raises:
        KeyboardInterrupt: between two events, after Ctrl-C or SIGTERM.

    """
    with catch_interrupts() as asked:
        for place in queue:
            run = workload.begin(place)
            for event in _attempts(run, folder, workload) if run else ():
                yield event
                asked.check()


def _attempts(run: Run, folder: Path, workload: Workload[Run]) -> Iterator[Event[Run]]:
    for attempt in range(1, MAX_ATTEMPTS + 1):
        yield Event(run, RunStarted(os.getpid(), platform.node()))
        try:
            for message in workload.perform(run, folder):
                yield Event(run, message)
                if workload.stopped(run):
                    return
        except Preempted:
            raise KeyboardInterrupt from None
        except Exception as error:  # any error of a run is its result
            final = attempt == MAX_ATTEMPTS or is_arm_failure(error)
            yield Event(run, Failure(describe_error(error), traceback.format_exc(), final))
            if final:
                return
        else:
            return
