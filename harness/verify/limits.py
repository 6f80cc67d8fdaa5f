"""How much one judgement may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOST_CHARACTERS: Final = 4_096  # of a box or a gold; what is longer is never read


@dataclass(frozen=True, slots=True)
class Limits:
    """The CPU deadline decides; the wall deadline only ends a process that never runs, such as a stopped one."""

    cpu_seconds: float = 2.0
    wall_seconds: float = 300.0
    memory_mb: int = 768  # of address space
