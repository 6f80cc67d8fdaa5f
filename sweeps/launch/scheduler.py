"""Run the cells of a plan on Ray, as many in parallel as fit, with retries."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final, Generic, cast

import ray
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayError, RayTaskError, WorkerCrashedError

from harness.common import catch_interrupts
from harness.records import describe_error
from sweeps.launch.capacity import (
    has_room_for,
    has_total_resources,
    is_growing,
    list_bundles,
    list_nodes,
    wait_for_capacity,
)
from sweeps.launch.cluster import open_session
from sweeps.launch.events import Event, Failure, Message, RunEnded, RunStarted, WaitingForResources
from sweeps.launch.retry import Attempts, is_arm_failure, is_node_failure
from sweeps.launch.slots import Slots, has_engines
from sweeps.launch.task import PLANNED, Run, Workload, execute_task

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from sweeps.launch.capacity import ClusterNode
    from sweeps.launch.events import Queued, ResourceRequester


@contextmanager
def mark_shared_folder(folder: Path) -> Iterator[str]:
    """Create a file in the folder and yield its name; the file is removed at the end.

    Workers that see the file share the folder with the driver. A file left by a killed driver has no effect.
    """
    file = folder / f".driver-{token_hex(8)}"
    file.touch(exist_ok=False)
    try:
        yield file.name
    finally:
        file.unlink(missing_ok=True)


TICK: Final = 0.5  # seconds that the driver waits for a message


def launch_runs(
    queue: Sequence[Queued], folder: Path, cores: int, workload: Workload[Any] = PLANNED
) -> Generator[Event[Any] | None]:
    """Yield the events of the runs, and None after each tick without an event.

    Close the iterator to cancel the runs in progress.

    Args:
        queue: the runs, or the places whose runs the workload chooses, in the order in which they start
        folder: the folder of results/runs
        cores: processors of this machine, for a local Ray
        workload: what to execute

    Yields:
        Events.

    Raises:
        KeyboardInterrupt: between two events, after Ctrl-C or SIGTERM.

    """
    with catch_interrupts() as asked, open_session(cores), mark_shared_folder(folder) as mark:
        asked.listen()
        scheduler = _RunScheduler(folder, mark, workload)
        try:
            for event in scheduler.events(deque(queue)):
                yield event  # before the check, or the message would be lost
                if asked:
                    yield from scheduler.said()
                asked.check()
        finally:
            scheduler.cancel()


def is_startable(run: ResourceRequester, running: Sequence[ResourceRequester], cluster: Sequence[ClusterNode]) -> bool:
    """Return True if a run can start next to the running ones.

    A run that would run alone may start if nodes could hold it, even if they are busy.

    Args:
        run: the run to start
        running: the runs in progress
        cluster: the live nodes

    Returns:
        True if it can start.

    """
    busy = [part for other in running for part in list_bundles(other)]
    return has_room_for(cluster, list_bundles(run)) and (
        not busy or has_total_resources(cluster, (*busy, *list_bundles(run)))
    )


@dataclass(slots=True)
class _InFlightRun(Generic[Run]):
    """One run in progress."""

    run: Run
    tries: Attempts
    node: str = ""  # Ray's id of its node, after its first message


class _RunScheduler(Generic[Run]):
    """The runs in progress, by Ray's generator of each."""

    def __init__(self, folder: Path, mark: str, workload: Workload[Run]) -> None:
        self._given = str(folder), mark, workload.perform
        self._workload = workload
        self._running: dict[Any, _InFlightRun[Run]] = {}
        self._slots = Slots()
        self._grows = is_growing()

    def events(self, queue: deque[Queued]) -> Iterator[Event[Run] | None]:
        """Start the runs that fit and yield messages until all runs are done.

        Raises SweepError where the cluster cannot hold a run.
        """
        yield from _waited(list(queue))
        waiting = deque((place, Attempts()) for place in queue)
        while waiting or self._running:
            self._fill(waiting)
            if not self._running:
                if waiting:  # the nodes have left the cluster
                    yield from _waited([waiting[0][0]])
                continue
            ready, _ = ray.wait(list(self._running), num_returns=1, timeout=TICK)
            if not ready:
                waiting.extendleft(self._stranded())
                yield None
            for stream in ready:
                in_flight = self._running[stream]
                what = self._receive(stream, in_flight)
                if isinstance(what, Failure) and not what.final:
                    waiting.appendleft((in_flight.run, in_flight.tries))
                yield Event(in_flight.run, what)
                if stream in self._running and self._workload.stopped(in_flight.run):
                    self._stop(stream)

    def said(self) -> Iterator[Event[Run]]:
        """Yield the messages that have already arrived.

        A run that has just ended may have left its worker's disk already.
        """
        while self._running and (ready := ray.wait(list(self._running), num_returns=1, timeout=0)[0]):
            in_flight = self._running[ready[0]]
            if self._workload.stopped(in_flight.run):
                self._stop(ready[0])
            else:
                yield Event(in_flight.run, self._receive(ready[0], in_flight))

    def cancel(self) -> None:
        """Stop all runs in progress immediately; a cluster would not end them by itself."""
        for stream in list(self._running):
            self._stop(stream)
        self._slots.close()

    def _stop(self, stream: Any) -> None:
        in_flight = self._running.pop(stream)
        if has_engines(in_flight.run.config):
            self._slots.free(in_flight.run.run_id, whole=False)
        else:
            ray.cancel(stream, force=True)

    def _fill(self, waiting: deque[tuple[Queued, Attempts]]) -> None:
        """Start the runs that fit, in order; runs that no node can hold let later ones pass."""
        cluster = list_nodes()
        for place, tries in [each for each in waiting if has_room_for(cluster, list_bundles(each[0]))]:
            if not (
                is_startable(place, [in_flight.run for in_flight in self._running.values()], cluster)
                or self._calls_for_nodes()
            ):
                return
            waiting.remove((place, tries))
            if run := self._workload.begin(place):
                self._start(run, tries)

    def _calls_for_nodes(self) -> bool:
        """Return True if a run may wait inside Ray, where an autoscaler sees it.

        As many may wait as are running, so that a cluster at most doubles.
        """
        heard = sum(bool(in_flight.node) for in_flight in self._running.values())
        return self._grows and len(self._running) < 2 * heard

    def _start(self, run: Run, tries: Attempts) -> None:
        self._running[self._started(run)] = _InFlightRun(run, tries)

    def _started(self, run: Run) -> Any:
        if has_engines(run.config):
            return self._slots.start(run.run_id, run.config, execute_task, run, *self._given)
        self._slots.clear()
        backend = run.config.backend
        task = _TASK.options(num_cpus=backend.num_cpus, num_gpus=backend.num_gpus, name=run.run_id)
        return task.remote(run, *self._given)

    def _stranded(self) -> list[tuple[Queued, Attempts]]:
        """Return the runs that wait inside Ray for a node that is gone, and stop waiting for them."""
        unheard = [(stream, in_flight) for stream, in_flight in self._running.items() if not in_flight.node]
        cluster = list_nodes() if unheard else ()
        gone = [
            (stream, in_flight)
            for stream, in_flight in unheard
            if not has_room_for(cluster, list_bundles(in_flight.run))
        ]
        for stream, _ in gone:
            self._stop(stream)
        return [(in_flight.run, in_flight.tries) for _, in_flight in gone]

    def _receive(self, stream: Any, in_flight: _InFlightRun[Run]) -> Message | Failure:
        try:
            message: Message = ray.get(next(stream))
        except Exception as error:  # any error of a run is its result
            del self._running[stream]
            self._slots.free(in_flight.run.run_id, whole=False)
            by_node = is_node_failure(error, in_flight.node)
            in_flight.tries = in_flight.tries.after(by_node)
            return Failure(explain_task_end(error), str(error), in_flight.tries.over or is_arm_failure(error), by_node)
        if isinstance(message, RunStarted):
            in_flight.node = message.node
        if isinstance(message, RunEnded):
            del self._running[stream]
            self._slots.free(in_flight.run.run_id, whole=True)
        return message


def _waited(runs: Sequence[Queued]) -> Iterator[Event[Any] | None]:
    """Yield messages while waiting until the cluster can hold these runs."""
    for told in wait_for_capacity(runs, TICK):
        yield Event(cast("Any", runs[0]), WaitingForResources(told)) if told else None


_TASK: Final = ray.remote(num_returns="streaming", max_retries=0)(execute_task)


_KILLED: Final = (
    (NodeDiedError, "the node of the run is gone"),
    (OutOfMemoryError, "Ray killed the worker because the machine ran out of memory"),
    (WorkerCrashedError, "the worker process died; it was killed or ran out of memory"),
)


def explain_task_end(error: Exception) -> str:
    """Return the cause of a task's end in one line.

    It is the run's own error, or what happened to its worker.
    """
    if isinstance(error, StopIteration):
        return "the run ended without a record"
    if isinstance(error, RayTaskError) and isinstance(getattr(error, "cause", None), Exception):
        return describe_error(error.cause)
    killed = next((fact for kind, fact in _KILLED if isinstance(error, kind)), None)
    fact = killed or (str(error).strip().splitlines()[0] if isinstance(error, RayError) else None)
    return f"{type(error).__name__}: {fact}" if fact else describe_error(error)
