"""Seconds per phase of a step."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stopwatch:
    """Adds up wall seconds by phase name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time until the block ends as ``seconds/<name>``."""
        started = time.perf_counter()
        yield
        taken = time.perf_counter() - started
        self.seconds[f"seconds/{name}"] = self.seconds.get(f"seconds/{name}", 0.0) + taken
