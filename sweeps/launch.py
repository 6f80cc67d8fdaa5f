"""Runs on Ray: one streaming task a run, as many at once as fit, one retry, and never an exception of a run."""

from __future__ import annotations

import os
import platform
import tempfile
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import ray
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError, WorkerCrashedError

from sweeps.cluster import resources, session
from sweeps.environment import address
from sweeps.errors import SweepError
from sweeps.events import ATTEMPTS, Done, Event, Failure, Hello, cause
from sweeps.interrupt import interrupts

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from harness.config import ExperimentConfig
    from sweeps.events import Message
    from sweeps.plan import PlannedRun

TICK: Final = 0.5  # seconds that the driver sleeps when no report comes


def launch(runs: Sequence[PlannedRun], folder: Path, cores: int) -> Generator[Event | None]:
    """The events of the runs, and None when a tick passed without one. Close the iterator to cancel what runs.

    Raises KeyboardInterrupt between two events where Ctrl-C or SIGTERM came.
    """
    with interrupts() as asked, session(cores):
        asked.listen()
        flight = _Flight(folder)
        try:
            for event in flight.events(deque(runs)):
                asked.check()
                yield event
        finally:
            flight.cancel()


class Asking(Protocol):
    """Something to run, which asks for a part of the cluster."""

    @property
    def run_id(self) -> str:
        """What messages call it."""

    @property
    def config(self) -> ExperimentConfig:
        """Its backend says what it asks for."""


def fits(run: Asking, running: Sequence[Asking]) -> bool:
    """Whether it can start beside what runs. Raises SweepError where it could not even start alone."""
    asked, has, busy = _asks(run), resources(), list(map(_asks, running))
    enough = all(sum(part[kind] for part in busy) + asked[kind] <= has[kind] + 1e-9 for kind in asked)
    if enough or busy or address():  # a cluster may grow
        return enough or not busy
    raise SweepError(
        f"{run.run_id} asks for {asked['CPU']:g} CPUs and {asked['GPU']:g} GPUs, this machine has "
        f"{has['CPU']:g} and {has['GPU']:g}; set RAY_ADDRESS or change backend.num_cpus and backend.num_gpus"
    )


class _Flight:
    """The runs in the air: Ray's generator of each, and which attempt it is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[Any, tuple[PlannedRun, int]] = {}

    def events(self, queue: deque[PlannedRun]) -> Iterator[Event | None]:
        """Start what fits, pass on what arrives, until all is done."""
        waiting = deque((run, 1) for run in queue)
        while waiting or self._running:
            while waiting and fits(waiting[0][0], [run for run, _ in self._running.values()]):
                self._start(*waiting.popleft())
            ready, _ = ray.wait(list(self._running), num_returns=1, timeout=TICK)
            if not ready:
                yield None
            for stream in ready:
                run, attempt = self._running[stream]
                what = self._receive(stream, attempt)
                if isinstance(what, Failure) and not what.final:
                    waiting.appendleft((run, attempt + 1))
                yield Event(run, what)

    def cancel(self) -> None:
        """Stop what still runs, at once. A session of our own would end it anyway, a cluster would not."""
        for stream in self._running:
            ray.cancel(stream, force=True)
        self._running.clear()

    def _start(self, run: PlannedRun, attempt: int) -> None:
        backend = run.config.backend
        task = _TASK.options(num_cpus=backend.num_cpus, num_gpus=backend.num_gpus, name=run.run_id)
        self._running[task.remote(run, str(self._folder))] = (run, attempt)

    def _receive(self, stream: Any, attempt: int) -> Message | Failure:
        try:
            message: Message = ray.get(next(stream))
        except Exception as error:  # whatever a run raises is its own result
            del self._running[stream]
            return Failure(why(error), str(error), attempt == ATTEMPTS)
        if isinstance(message, Done):
            del self._running[stream]
        return message


def _work(run: PlannedRun, folder: str) -> Iterator[Message]:
    yield Hello(os.getpid(), platform.node())
    from sweeps.worker import perform  # noqa: PLC0415 - torch and transformers are for workers, once a process

    # A node of a cluster need not share the driver's disk; the files travel with the last message.
    here = Path(folder) if Path(folder).is_dir() else Path(tempfile.mkdtemp(prefix="run-"))
    yield from perform(run, here / run.folder)


_TASK: Final = ray.remote(num_returns="streaming", max_retries=0)(_work)


def why(error: Exception) -> str:
    """What ended a task, in one line: the run's own error, or what happened to its worker."""
    if isinstance(error, StopIteration):
        return "the run ended without a record"
    if isinstance(error, OutOfMemoryError):
        return f"{type(error).__name__}: Ray killed the worker because the machine ran out of memory"
    if isinstance(error, WorkerCrashedError):
        return f"{type(error).__name__}: the worker process died; it was killed or ran out of memory"
    if isinstance(error, RayTaskError) and isinstance(getattr(error, "cause", None), Exception):
        return cause(error.cause)
    if isinstance(error, RayError):
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
    return cause(error)


def _asks(run: Asking) -> dict[str, float]:
    return {"CPU": run.config.backend.num_cpus, "GPU": run.config.backend.num_gpus}
