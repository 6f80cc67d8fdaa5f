"""Numbers as people say them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence


AT_MOST: Final = 12  # entries of a list in a note


def duration(seconds: float) -> str:
    """Seconds: 40 s, 12 min, 3.4 h, 5.2 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 3 * 86400 else f"{seconds / 86400:,.1f} days"


def short(seconds: float) -> str:
    """Seconds in a column: 40s, 12m, 3.4h, 5.2d."""
    return duration(seconds).replace(" min", "m").replace(" days", "d").replace(" ", "")


def gpu_hours(seconds: float) -> str:
    """GPU-seconds: 1.4 GPU-hours, 1,234 GPU-hours."""
    hours = seconds / 3600
    return f"{hours:,.0f} GPU-hours" if hours >= 10 else f"{hours:.1f} GPU-hours"


def count(points: Sequence[object]) -> str:
    """How many cells these are."""
    return f"{len(points)} cell{'s' * (len(points) > 1)}"


def listed(entries: Sequence[str], between: str = "; ") -> str:
    """The first of them, and how many more there are."""
    more = f"{between}{len(entries) - AT_MOST} more" if len(entries) > AT_MOST else ""
    return between.join(entries[:AT_MOST]) + more
