"""Run a queue where the environment says: on Ray, or in this process."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sweeps.launch.environment import count_cores, is_inline, prepare_ray_environment, read_cluster_address
from sweeps.launch.task import PLANNED

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from sweeps.launch.events import Event, Queued, ResourceRequester
    from sweeps.launch.task import Workload


def dispatch_runs(
    queue: Sequence[Queued], folder: Path, workload: Workload[Any] = PLANNED
) -> Generator[Event[Any] | None]:
    """Yield the events of the runs, and None after each tick without an event.

    Close the iterator to cancel the runs in progress.

    Args:
        queue: the runs, or the places whose runs the workload chooses, in the order in which they start
        folder: the absolute path of results/runs
        workload: what to execute

    Yields:
        Events.

    Raises:
        KeyboardInterrupt: between two events, after Ctrl-C or SIGTERM.
        SweepError: Ray does not start, or the cluster cannot hold a run.

    """
    if is_inline():
        from sweeps.launch.inline import launch_inline  # noqa: PLC0415 - it imports Ray, for Ray's errors

        yield from launch_inline(queue, folder, workload)
        return
    prepare_ray_environment()
    from sweeps.launch.scheduler import launch_runs  # noqa: PLC0415 - a sweep with nothing to run need not import Ray

    yield from launch_runs(queue, folder, count_cores(), workload)


def parallel_runs(queue: Sequence[ResourceRequester]) -> int | None:
    """Return the number of runs that fit on this machine at the same time; None for a cluster."""
    if is_inline():
        return 1
    if read_cluster_address():
        return None
    return max(math.floor(count_cores() / max((each.config.backend.num_cpus for each in queue), default=1.0)), 1)
