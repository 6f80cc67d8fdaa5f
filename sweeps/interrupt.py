"""Ctrl-C and SIGTERM, heard at a safe place.

Python raises KeyboardInterrupt wherever it happens to be. In a destructor or a callback of a database
library that loses the interrupt; between two writes it loses one of them. So a signal is only noted here,
and the launcher looks twice a second.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Whether someone has asked to stop."""

    def __init__(self) -> None:
        self._asked = False

    def listen(self) -> None:
        """Take the signals. Ray takes SIGTERM for itself when it starts, so its session calls this once more."""
        for number in _SIGNALS:
            signal.signal(number, self.note)

    def note(self, *_: object) -> None:
        """Remember the signal; what tidies up afterwards is not disturbed by another."""
        self._asked = True

    def __bool__(self) -> bool:
        return self._asked

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal has come."""
        if self._asked:
            raise KeyboardInterrupt


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Note signals instead of raising, also in a background job, where a shell ignores Ctrl-C."""
    noted, before = Interrupts(), {number: signal.getsignal(number) for number in _SIGNALS}
    noted.listen()
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
