"""Memory and time of a whole sweep: this process, Ray's and the workers."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Final

import psutil

PERIOD: Final = 5.0  # seconds between two samples; one costs about 10 ms


class SweepUsage:
    """Samples the process tree now and then. Processes on other machines are not seen."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._next = time.monotonic() + PERIOD
        self.peak_memory_mb = 0.0  # sum of resident memory; pages that processes share count in each

    def sample(self) -> None:
        """Look at the memory, if a period has passed since the last look."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PERIOD
        total = 0
        for process in (self._process, *self._process.children(recursive=True)):
            with suppress(psutil.Error):  # it has ended meanwhile
                total += process.memory_info().rss
        self.peak_memory_mb = max(self.peak_memory_mb, total / 2**20)

    def wall_seconds(self) -> float:
        """Seconds since this process started, its imports included."""
        return time.time() - self._process.create_time()
