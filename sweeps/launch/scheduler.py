"""Run the cells of a plan on Ray, as many at once as fit, with retries."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

import ray
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayError, RayTaskError, WorkerCrashedError

from harness.common.signals import interrupts
from harness.records.failures import cause
from sweeps.launch.capacity import bundles, grows, holds, nodes, room, until_held
from sweeps.launch.cluster import session
from sweeps.launch.events import Event, Failure, RunFinished, RunStarted, WaitingForResources
from sweeps.launch.retry import Attempts, diverged, is_node_failure
from sweeps.launch.slots import Slots, has_engines
from sweeps.launch.task import work
from sweeps.plan.plan import PlannedRun

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from sweeps.launch.capacity import Asking, Node
    from sweeps.launch.events import Message


@contextmanager
def shared_folder_probe(folder: Path) -> Iterator[str]:
    """The name of a file that lies in the folder meanwhile. Nobody looks for one that a killed driver has left."""
    file = folder / f".driver-{token_hex(8)}"
    file.touch(exist_ok=False)
    try:
        yield file.name
    finally:
        file.unlink(missing_ok=True)


TICK: Final = 0.5  # seconds that the driver sleeps when no report comes


def launch(runs: Sequence[PlannedRun], folder: Path, cores: int) -> Generator[Event | None]:
    """The events of the runs, and None when a tick passed without one. Close the iterator to cancel what runs.

    Raises KeyboardInterrupt between two events where Ctrl-C or SIGTERM came.
    """
    with interrupts() as asked, session(cores), shared_folder_probe(folder) as mark:
        asked.listen()
        flight = _InFlightRun(folder, mark)
        try:
            for event in flight.events(deque(runs)):
                yield event  # first, or what was heard is forgotten
                if asked:
                    yield from flight.said()
                asked.check()
        finally:
            flight.cancel()


def fits(run: Asking, running: Sequence[Asking], cluster: Sequence[Node]) -> bool:
    """Whether it can start beside what runs. What runs alone may, wherever nodes could hold it."""
    busy = [part for other in running for part in bundles(other)]
    return holds(cluster, bundles(run)) and (not busy or room(cluster, (*busy, *bundles(run))))


@dataclass(slots=True)
class _RunScheduler:
    """A run in the air."""

    run: PlannedRun
    tries: Attempts
    node: str = ""  # Ray's id of where it is, once it has said so


class _InFlightRun:
    """The runs in the air, by Ray's generator of each."""

    def __init__(self, folder: Path, mark: str) -> None:
        self._place = str(folder), mark
        self._running: dict[Any, _RunScheduler] = {}
        self._slots = Slots()
        self._grows = grows()

    def events(self, queue: deque[PlannedRun]) -> Iterator[Event | None]:
        """Start what fits, pass on what arrives, until all is done. Raises SweepError where nothing could go on."""
        yield from _waited(list(queue))
        waiting = deque((run, Attempts()) for run in queue)
        while waiting or self._running:
            self._fill(waiting)
            if not self._running:  # nodes are gone
                yield from _waited([waiting[0][0]])
                continue
            ready, _ = ray.wait(list(self._running), num_returns=1, timeout=TICK)
            if not ready:
                waiting.extendleft(self._stranded())
                yield None
            for stream in ready:
                flying = self._running[stream]
                what = self._receive(stream, flying)
                if isinstance(what, Failure) and not what.final:
                    waiting.appendleft((flying.run, flying.tries))
                yield Event(flying.run, what)

    def said(self) -> Iterator[Event]:
        """What has arrived by now: a run that has just ended may have left its worker's disk already."""
        while self._running and (ready := ray.wait(list(self._running), num_returns=1, timeout=0)[0]):
            flying = self._running[ready[0]]
            yield Event(flying.run, self._receive(ready[0], flying))

    def cancel(self) -> None:
        """Stop what still runs, at once. A session of our own would end it anyway, a cluster would not."""
        for stream in list(self._running):
            self._stop(stream)
        self._slots.close()

    def _stop(self, stream: Any) -> None:
        flying = self._running.pop(stream)
        if has_engines(flying.run.config):
            self._slots.free(flying.run.run_id, whole=False)
        else:
            ray.cancel(stream, force=True)

    def _fill(self, waiting: deque[tuple[PlannedRun, Attempts]]) -> None:
        """Start what fits, in order; what no node could hold any more lets the others pass."""
        cluster = nodes()
        for run, tries in [each for each in waiting if holds(cluster, bundles(each[0]))]:
            if not (fits(run, [flying.run for flying in self._running.values()], cluster) or self._calls_for_nodes()):
                return
            waiting.remove((run, tries))
            self._start(run, tries)

    def _calls_for_nodes(self) -> bool:
        """Whether a run may wait within Ray, where an autoscaler sees it: as many as run, so that a cluster doubles."""
        heard = sum(bool(flying.node) for flying in self._running.values())
        return self._grows and len(self._running) < 2 * heard

    def _start(self, run: PlannedRun, tries: Attempts) -> None:
        self._running[self._started(run)] = _RunScheduler(run, tries)

    def _started(self, run: PlannedRun) -> Any:
        if has_engines(run.config):
            return self._slots.start(run.run_id, run.config, work, run, *self._place)
        self._slots.clear()
        backend = run.config.backend
        task = _TASK.options(num_cpus=backend.num_cpus, num_gpus=backend.num_gpus, name=run.run_id)
        return task.remote(run, *self._place)

    def _stranded(self) -> list[tuple[PlannedRun, Attempts]]:
        """Take back what waits within Ray for a node that is gone."""
        unheard = [(stream, flying) for stream, flying in self._running.items() if not flying.node]
        cluster = nodes() if unheard else ()
        gone = [(stream, flying) for stream, flying in unheard if not holds(cluster, bundles(flying.run))]
        for stream, _ in gone:
            self._stop(stream)
        return [(flying.run, flying.tries) for _, flying in gone]

    def _receive(self, stream: Any, flying: _RunScheduler) -> Message | Failure:
        try:
            message: Message = ray.get(next(stream))
        except Exception as error:  # whatever a run raises is its own result
            del self._running[stream]
            self._slots.free(flying.run.run_id, whole=False)
            by_node = is_node_failure(error, flying.node)
            flying.tries = flying.tries.after(by_node)
            return Failure(why(error), str(error), flying.tries.over or diverged(error), by_node)
        if isinstance(message, RunStarted):
            flying.node = message.node
        if isinstance(message, RunFinished):
            del self._running[stream]
            self._slots.free(flying.run.run_id, whole=True)
        return message


def _waited(runs: Sequence[PlannedRun]) -> Iterator[Event | None]:
    """What is waited for until the cluster could hold these runs, if anything is."""
    for told in until_held(runs, TICK):
        yield Event(runs[0], WaitingForResources(told)) if told else None


_TASK: Final = ray.remote(num_returns="streaming", max_retries=0)(work)


_KILLED: Final = (
    (NodeDiedError, "the node that it ran on is gone"),
    (OutOfMemoryError, "Ray killed the worker because the machine ran out of memory"),
    (WorkerCrashedError, "the worker process died; it was killed or ran out of memory"),
)


def why(error: Exception) -> str:
    """What ended a task, in one line: the run's own error, or what happened to its worker."""
    if isinstance(error, StopIteration):
        return "the run ended without a record"
    if isinstance(error, RayTaskError) and isinstance(getattr(error, "cause", None), Exception):
        return cause(error.cause)
    killed = next((fact for kind, fact in _KILLED if isinstance(error, kind)), None)
    fact = killed or (str(error).strip().splitlines()[0] if isinstance(error, RayError) else None)
    return f"{type(error).__name__}: {fact}" if fact else cause(error)
