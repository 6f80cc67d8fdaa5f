"""Tuning trials on Ray, one streaming task per trial.

It is separate from the choice of the pool, because importing Ray takes a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ray

from sweeps.launch.capacity import nodes, until_held
from sweeps.launch.events import Failure
from sweeps.launch.scheduler import fits, why
from sweeps.launch.slots import Slots, has_engines
from sweeps.tuning.trial import Heard, TrialEnded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.common.signals import Interrupts
    from sweeps.tuning.targets import TuningTarget
    from sweeps.tuning.trial import TrialJob, TrialStep


class RayPool:
    """A pool that runs as many trials on Ray as fit."""

    def __init__(self, asked: Interrupts, tick: float) -> None:
        self._asked, self._tick = asked, tick
        self._running: dict[Any, TrialJob] = {}  # Ray's generator -> its job
        self._slots = Slots()

    @property
    def running(self) -> tuple[TrialJob, ...]:
        """The trials in progress."""
        return tuple(self._running.values())

    def fits(self, subject: TuningTarget) -> bool:
        """Return True if a trial of the target can start now.

        Raises SweepError where it never could.
        """
        for _ in until_held([subject], self._tick):
            self._asked.check()
        return fits(subject, self.running, nodes())

    def start(self, job: TrialJob) -> None:
        """Start a trial on a worker."""
        self._running[self._started(job)] = job

    def hear(self) -> Iterator[Heard]:
        """Yield the messages of the workers; nothing after a tick without one."""
        self._asked.check()
        ready, _ = ray.wait(list(self._running), num_returns=1, timeout=self._tick)
        for stream in ready:
            yield Heard(self._running[stream], self._receive(stream))

    def stop(self, job: TrialJob) -> None:
        """Kill the worker of a trial.

        A message to a worker in the middle of a step would arrive after the step at best.
        """
        for stream in [stream for stream, other in self._running.items() if other == job]:
            del self._running[stream]
            if has_engines(job.config):
                self._slots.free(_place(job), whole=False)
            else:
                ray.cancel(stream, force=True)

    def close(self) -> None:
        """Stop all trials; a cluster would not end them by itself."""
        for job in self.running:
            self.stop(job)
        self._slots.close()

    def _started(self, job: TrialJob) -> Any:
        if has_engines(job.config):
            return self._slots.start(_place(job), job.config, _work, job)
        self._slots.clear()
        backend = job.config.backend
        return _TASK.options(num_cpus=backend.num_cpus, num_gpus=backend.num_gpus, name=job.name).remote(job)

    def _receive(self, stream: Any) -> TrialStep | TrialEnded | Failure:
        try:
            what: TrialStep | TrialEnded = ray.get(next(stream))
        except Exception as error:  # any error of a trial is its result
            self._slots.free(_place(self._running.pop(stream)), whole=False)
            return Failure(why(error), str(error), final=False)
        if isinstance(what, TrialEnded):
            self._slots.free(_place(self._running.pop(stream)), whole=True)
        return what


def _place(job: TrialJob) -> str:
    """Return the key of a job's slot; trials of the same value may run in parallel."""
    return f"{job.name} trial {job.number}"


def _work(job: TrialJob) -> Iterator[TrialStep | TrialEnded]:
    from sweeps.tuning.worker import run_trial  # noqa: PLC0415 - torch and transformers are for workers, once a process

    yield from run_trial(job)


_TASK: Final = ray.remote(num_returns="streaming", max_retries=0)(_work)
