"""Numbers as people say them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def duration(seconds: float) -> str:
    """Seconds: 40 s, 12 min, 3.4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def count(points: Sequence[object]) -> str:
    """How many cells these are."""
    return f"{len(points)} cell{'s' * (len(points) > 1)}"
