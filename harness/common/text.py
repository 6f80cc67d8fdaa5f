"""Text of values: durations, counts and lists for people, and stable text of dataclasses.

Dataclasses are written as ``repr`` wrote them when the text was first stored on disk. Files keep the old class names,
whatever the classes are called today.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

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


def spell_value(value: Any, names: Mapping[type[Any], str]) -> str:
    """Return the ``repr`` of a value with the class names that files use.

    Args:
        value: A dataclass of ``names``, a list or tuple, or any other value, whose own ``repr`` is used.
        names: Maps a class to its name in files.

    Returns:
        The text, such as ``Number(value=Fraction(1, 2))``.

    """
    if type(value) in names:
        parts = (f"{field.name}={spell_value(getattr(value, field.name), names)}" for field in fields(value))
        return f"{names[type(value)]}({', '.join(parts)})"
    if type(value) is list:
        return f"[{', '.join(spell_value(part, names) for part in value)}]"
    if type(value) is tuple:
        return f"({', '.join(spell_value(part, names) for part in value)}{',' if len(value) == 1 else ''})"
    return repr(value)
