"""CPU seconds and peak memory of one run inside a process that serves many."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

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
        self._beside: Callable[[], Spent] = lambda: NOTHING
        with contextlib.suppress(OSError):  # not Linux, or not allowed: the peak then covers the process's life
            _RESET.write_text("5")

    def add(self, beside: Callable[[], Spent]) -> None:
        """Count other processes that work for the run; their wall seconds pass beside ours."""
        self._beside = beside

    def spent(self) -> Spent:
        """Seconds on the clock, seconds of processor time in all threads, and the largest resident memory.

        Of several processes the processor times and the largest memories are added up.
        """
        beside = self._beside()
        return Spent(
            self._before.wall_seconds + time.perf_counter() - self._wall,
            self._before.cpu_seconds + time.process_time() - self._cpu + beside.cpu_seconds,
            max(self._before.peak_memory_mb, peak_memory_mb() + beside.peak_memory_mb),
        )


def lifetime() -> Spent:
    """What this process and its ended children spent in their life."""
    times = os.times()
    cpu = times.user + times.system + times.children_user + times.children_system
    return Spent(0.0, cpu, peak_memory_mb())


def peak_memory_mb() -> float:
    """Largest resident memory of this process since a run reset it, or in its life."""
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
