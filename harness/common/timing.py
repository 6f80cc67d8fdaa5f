"""Time the phases of a step."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stopwatch:
    """Sums of wall seconds per phase, and the CPU seconds since the watch was created."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._cpu = time.process_time()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the wall time of the block to ``seconds/<name>``."""
        started = time.perf_counter()
        yield
        taken = time.perf_counter() - started
        self.seconds[f"seconds/{name}"] = self.seconds.get(f"seconds/{name}", 0.0) + taken

    def spent(self) -> dict[str, float]:
        """Return the phases so far, and the CPU seconds of the process as ``seconds/cpu``."""
        return {**self.seconds, "seconds/cpu": time.process_time() - self._cpu}
