"""CPU seconds and peak memory of one run inside a process that serves many."""

from __future__ import annotations

import contextlib
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")
_RESET: Final = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run took."""

    wall_seconds: float
    cpu_seconds: float
    peak_memory_mb: float


NOTHING: Final = Spent(0.0, 0.0, 0.0)


class Usage:
    """What the process spent since this object was made, and what the run had spent ``before``, in another one."""

    def __init__(self, before: Spent = NOTHING) -> None:
        self._before, self._wall, self._cpu = before, time.perf_counter(), time.process_time()
        with contextlib.suppress(OSError):  # not Linux, or not allowed: the peak then covers the process's life
            _RESET.write_text("5")

    def spent(self) -> Spent:
        """Seconds on the clock, seconds of processor time in all threads, and the largest resident memory."""
        return Spent(
            self._before.wall_seconds + time.perf_counter() - self._wall,
            self._before.cpu_seconds + time.process_time() - self._cpu,
            max(self._before.peak_memory_mb, _peak_memory_mb()),
        )


def _peak_memory_mb() -> float:
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
