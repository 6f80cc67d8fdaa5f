"""Time the phases of a step."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stopwatch:
    """Adds up wall seconds by phase name, and processor seconds over its life."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._cpu = time.process_time()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time until the block ends as ``seconds/<name>``."""
        started = time.perf_counter()
        yield
        taken = time.perf_counter() - started
        self.seconds[f"seconds/{name}"] = self.seconds.get(f"seconds/{name}", 0.0) + taken

    def spent(self) -> dict[str, float]:
        """The phases so far, and ``seconds/cpu``: processor seconds of the process since the watch was made."""
        return {**self.seconds, "seconds/cpu": time.process_time() - self._cpu}
