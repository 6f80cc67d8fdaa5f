"""Estimates as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.stats import Estimate

AT_MOST: Final = 12  # entries of a list in a note


def listed(entries: Sequence[str], between: str = "; ") -> str:
    """The first of them, and how many more there are."""
    more = f"{between}{len(entries) - AT_MOST} more" if len(entries) > AT_MOST else ""
    return between.join(entries[:AT_MOST]) + more


def score(found: Estimate, digits: int, count: bool = True) -> str:
    """``0.437 ± 0.021 (3)``; one seed gives ``0.437 (1)``."""
    width = f" ± {found.half_width:.{digits}f}" if found.n > 1 else ""
    return f"{found.mean:.{digits}f}{width}" + (f" ({found.n})" if count or found.n == 1 else "")


def gap(found: Estimate, digits: int) -> str:
    """``+0.051 [+0.012, +0.090] (3)``; one pair gives ``+0.051 (1)``."""
    low, high = found.interval
    between = f" [{low:+.{digits}f}, {high:+.{digits}f}]" if found.n > 1 else ""
    return f"{found.mean:+.{digits}f}{between} ({found.n})"
