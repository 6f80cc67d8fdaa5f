"""Format estimates for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.stats.bootstrap import Estimate


def format_score(found: Estimate, digits: int, count: bool = True) -> str:
    """Format a score as ``0.437 ± 0.021 (3)``; one seed gives ``0.437 (1)``.

    Args:
        found: The mean over seeds.
        digits: Digits after the decimal point.
        count: If False, the number of seeds is shown only for one seed.

    """
    width = f" ± {found.half_width:.{digits}f}" if found.n > 1 else ""
    return f"{found.mean:.{digits}f}{width}" + (f" ({found.n})" if count or found.n == 1 else "")


def format_gap(found: Estimate, digits: int) -> str:
    """Format a difference as ``+0.051 [+0.012, +0.090] (3)``; one pair gives ``+0.051 (1)``."""
    low, high = found.interval
    between = f" [{low:+.{digits}f}, {high:+.{digits}f}]" if found.n > 1 else ""
    return f"{found.mean:+.{digits}f}{between} ({found.n})"


def shorten(text: str, limit: int = 120) -> str:
    """Return the first line of a message, shortened to ``limit`` characters."""
    line = (str(text).strip().splitlines() or ["no message"])[0]
    return line if len(line) <= limit else f"{line[: limit - 3]}..."
