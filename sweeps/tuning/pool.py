"""Trials at work: as many at once as fit on Ray, or one after the other in this process. Any of them can be stopped."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from harness.common.signals import interrupts
from harness.records.failures import cause
from sweeps.launch.environment import cores, inline, prepare
from sweeps.launch.events import Failure
from sweeps.tuning.trial import Heard, TrialEnded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.common.signals import Interrupts
    from sweeps.tuning.targets import TuningTarget
    from sweeps.tuning.trial import TrialJob, TrialStep

TICK: Final = 0.5  # seconds that the driver sleeps when no word comes


class Pool(Protocol):
    """Where trials run."""

    @property
    def running(self) -> tuple[TrialJob, ...]:
        """What is at work."""

    def fits(self, subject: TuningTarget) -> bool:
        """Whether a trial of it can start now. Raises SweepError where it never could."""

    def start(self, job: TrialJob) -> None:
        """Begin it."""

    def hear(self) -> Iterator[Heard]:
        """What has been said since; waits a little for the first word. Raises KeyboardInterrupt after Ctrl-C."""

    def stop(self, job: TrialJob) -> None:
        """End it now; nothing more is heard of it."""


@contextmanager
def pool() -> Iterator[Pool]:
    """The pool that the environment asks for. What still runs at the end is stopped."""
    with interrupts() as asked:
        if inline():
            yield InlinePool(asked)
            return
        prepare()
        from sweeps.launch.cluster import session  # noqa: PLC0415 - nothing to run, no Ray
        from sweeps.tuning.ray_pool import RayPool  # noqa: PLC0415

        with session(cores()):
            asked.listen()
            made = RayPool(asked, TICK)
            try:
                yield made
            finally:
                made.close()


class InlinePool:
    """One trial at a time, for debuggers: ``LAUNCH=inline``."""

    def __init__(self, asked: Interrupts) -> None:
        self._asked = asked
        self._running: tuple[TrialJob, Iterator[TrialStep | TrialEnded]] | None = None

    @property
    def running(self) -> tuple[TrialJob, ...]:
        """What is at work."""
        return self._running[:1] if self._running else ()

    def fits(self, subject: TuningTarget) -> bool:
        """Whether nothing else runs."""
        return self._running is None

    def start(self, job: TrialJob) -> None:
        """Begin it."""
        from sweeps.tuning.worker import run_trial  # noqa: PLC0415 - nothing to run, no transformers

        self._running = job, run_trial(job)

    def hear(self) -> Iterator[Heard]:
        """Its next word."""
        self._asked.check()
        if self._running:
            job, words = self._running
            yield Heard(job, self._next(words))

    def stop(self, job: TrialJob) -> None:
        """End it."""
        if job in self.running:
            self._running = None

    def _next(self, words: Iterator[TrialStep | TrialEnded]) -> TrialStep | TrialEnded | Failure:
        try:
            what = next(words)
        except Exception as error:  # whatever a trial raises is its own result
            self._running = None
            return Failure(cause(error), traceback.format_exc(), final=False)
        if isinstance(what, TrialEnded):
            self._running = None
        return what
