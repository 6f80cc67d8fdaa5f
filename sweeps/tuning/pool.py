"""Pools that run tuning trials, in parallel on Ray or one by one in this process.

Each trial can be stopped.
"""

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

TICK: Final = 0.5  # seconds that the driver waits for a message


class Pool(Protocol):
    """A place where trials run."""

    @property
    def running(self) -> tuple[TrialJob, ...]:
        """The trials in progress."""

    def fits(self, subject: TuningTarget) -> bool:
        """Return True if a trial of the target can start now.

        Raises SweepError where it never could.
        """

    def start(self, job: TrialJob) -> None:
        """Start a trial."""

    def hear(self) -> Iterator[Heard]:
        """Yield new messages, after a short wait. Raises KeyboardInterrupt after Ctrl-C."""

    def stop(self, job: TrialJob) -> None:
        """Stop a trial now; it sends no more messages."""


@contextmanager
def pool() -> Iterator[Pool]:
    """Open the pool that the environment asks for; at the end, trials in progress are stopped."""
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
    """One trial at a time in this process, for debuggers: ``LAUNCH=inline``."""

    def __init__(self, asked: Interrupts) -> None:
        self._asked = asked
        self._running: tuple[TrialJob, Iterator[TrialStep | TrialEnded]] | None = None

    @property
    def running(self) -> tuple[TrialJob, ...]:
        """The trials in progress."""
        return self._running[:1] if self._running else ()

    def fits(self, subject: TuningTarget) -> bool:
        """Return True if no trial is running."""
        return self._running is None

    def start(self, job: TrialJob) -> None:
        """Start a trial."""
        from sweeps.tuning.worker import run_trial  # noqa: PLC0415 - nothing to run, no transformers

        self._running = job, run_trial(job)

    def hear(self) -> Iterator[Heard]:
        """Yield the next message of the trial."""
        self._asked.check()
        if self._running:
            job, words = self._running
            yield Heard(job, self._next(words))

    def stop(self, job: TrialJob) -> None:
        """Stop the trial."""
        if job in self.running:
            self._running = None

    def _next(self, words: Iterator[TrialStep | TrialEnded]) -> TrialStep | TrialEnded | Failure:
        try:
            what = next(words)
        except Exception as error:  # any error of a trial is its result
            self._running = None
            return Failure(cause(error), traceback.format_exc(), final=False)
        if isinstance(what, TrialEnded):
            self._running = None
        return what
