"""Format durations, counts and lists for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence


MAX_LISTED: Final = 12  # entries that a list in a note shows


def format_duration(seconds: float) -> str:
    """Format a duration in seconds: 40 s, 12 min, 3.4 h, 5.2 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 3 * 86400 else f"{seconds / 86400:,.1f} days"


def format_short_duration(seconds: float) -> str:
    """Format a duration in seconds for a table column: 40s, 12m, 3.4h, 5.2d."""
    return format_duration(seconds).replace(" min", "m").replace(" days", "d").replace(" ", "")


def format_gpu_hours(seconds: float) -> str:
    """Format GPU-seconds as hours: 1.4 GPU-hours, 1,234 GPU-hours."""
    hours = seconds / 3600
    return f"{hours:,.0f} GPU-hours" if hours >= 10 else f"{hours:.1f} GPU-hours"


def format_cell_count(points: Sequence[object]) -> str:
    """Format the number of cells."""
    return f"{len(points)} cell{'s' * (len(points) > 1)}"


def join_limited(entries: Sequence[str], between: str = "; ") -> str:
    """Join the first entries, and say how many more there are."""
    more = f"{between}{len(entries) - MAX_LISTED} more" if len(entries) > MAX_LISTED else ""
    return between.join(entries[:MAX_LISTED]) + more
