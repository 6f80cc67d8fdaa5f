"""Handle SIGINT and SIGTERM at safe points, in a run and in a sweep."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Final

TERMINAL_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
WORKER_SIGNALS: Final = (signal.SIGTERM,)  # Ray cancels a task by SIGINT
_STANDARD_ERROR: Final = 2


class Preempted(Exception):  # noqa: N818 - no error: nothing is lost, and the same run goes on elsewhere
    """A run that ended because it was asked to stop; the message says where it resumes."""


class StopFlag:
    """The flag that a run checks at the end of each step: a signal has asked it to stop."""

    def __init__(self) -> None:
        self.asked = False

    def note(self, number: int, _: object) -> None:
        """Record the signal; raise KeyboardInterrupt on a second Ctrl-C."""
        if number == signal.SIGINT and self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if number == signal.SIGINT:  # print is not safe here: the signal may have interrupted one
            os.write(_STANDARD_ERROR, b"\nstopping after this step; Ctrl-C again stops at once\n")


@contextmanager
def catch_stop_signals(signals: Sequence[signal.Signals]) -> Iterator[StopFlag]:
    """Record these signals during the block instead of ending the process.

    Python delivers signals only to the main thread. In another thread this does nothing.
    """
    stop = StopFlag()
    if current_thread() is not main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.note) for number in signals}
    try:
        yield stop
    finally:
        if current_thread() is main_thread():  # a generator may be closed by any thread
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)


_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class InterruptFlag:
    """The flag that a sweep checks: a signal has asked it to stop."""

    def __init__(self) -> None:
        self._asked = False

    def listen(self) -> None:
        """Install the signal handlers.

        Ray installs its own SIGTERM handler when it starts, so its session calls this again.
        """
        for number in _SIGNALS:
            signal.signal(number, self.note)

    def note(self, *_: object) -> None:
        """Record the signal. Cleanup is not disturbed by a second signal."""
        self._asked = True

    def __bool__(self) -> bool:
        return self._asked

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal has arrived."""
        if self._asked:
            raise KeyboardInterrupt


@contextmanager
def catch_interrupts() -> Iterator[InterruptFlag]:
    """Record signals during the block instead of raising.

    This also works in a background job, where a shell ignores Ctrl-C.
    """
    noted, before = InterruptFlag(), {number: signal.getsignal(number) for number in _SIGNALS}
    noted.listen()
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
