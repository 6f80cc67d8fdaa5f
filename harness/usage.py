"""CPU seconds and peak memory of one run inside a process that serves many."""

from __future__ import annotations

import contextlib
import resource
import time
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")
_RESET: Final = Path("/proc/self/clear_refs")


class Usage:
    """What the process spent since this object was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        with contextlib.suppress(OSError):  # not Linux, or not allowed: the peak then covers the process's life
            _RESET.write_text("5")

    def wall_seconds(self) -> float:
        """Seconds on the clock."""
        return time.perf_counter() - self._wall

    def cpu_seconds(self) -> float:
        """Seconds of processor time, all threads."""
        return time.process_time() - self._cpu

    def peak_memory_mb(self) -> float:
        """Largest resident memory in MB."""
        if _STATUS.exists():
            for line in _STATUS.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
