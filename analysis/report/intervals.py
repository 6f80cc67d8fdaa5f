"""Drawings of means with 95 % intervals and seeds as dots, on one scale for all rows."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final

from analysis.report.curves import Scale, fit_scale, tick_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH: Final = 200.0  # SVG user units
EDGE: Final = 8.0
REACH: Final = 1.0  # how far an interval may widen the scale, in units of the range of the seeds


@dataclass(frozen=True, slots=True)
class DrawnRange:
    """A mean with its interval and the averaged values."""

    mean: float
    low: float  # -inf for one seed
    high: float
    seeds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Ruler:
    """The scale of a column of drawings, with its ticks and reference marks."""

    scale: Scale
    ticks: tuple[tuple[float, str], ...]  # position, text
    zero: float | None  # position of no difference
    band: tuple[float, float] | None  # positions of the equivalence margin


@dataclass(frozen=True, slots=True)
class Drawing:
    """The drawing of one row: positions in SVG units."""

    mean: float
    low: float
    high: float
    cut_low: bool  # the interval extends beyond the edge
    cut_high: bool
    seeds: tuple[float, ...]


def build_ruler(ranges: Sequence[DrawnRange], differences: bool, margin: float | None = None) -> Ruler:
    """Return a scale that shows all means and seeds, and intervals unless they are too wide.

    Args:
        ranges: The rows.
        differences: The values are differences, so that zero is shown.
        margin: The equivalence margin, in the unit of the values; None without one.

    """
    scale = fit_scale(_shown(ranges, differences, margin), EDGE, WIDTH - EDGE)
    ticks = tuple((scale.at(tick), tick_text(tick)) for tick in scale.ticks(4))
    band = (scale.at(-margin), scale.at(margin)) if differences and margin else None
    return Ruler(scale, ticks, scale.at(0.0) if differences else None, band)


def place_on_ruler(found: DrawnRange, on: Ruler) -> Drawing:
    """Return the positions of one row on a scale."""
    scale = on.scale
    low, high = max(found.low, scale.low), min(found.high, scale.high)
    cut_low, cut_high = found.low < scale.low, found.high > scale.high
    if not (isfinite(found.low) and isfinite(found.high)):  # one seed: no interval to draw
        low, high, cut_low, cut_high = found.mean, found.mean, False, False
    return Drawing(
        scale.at(found.mean), scale.at(low), scale.at(high), cut_low, cut_high, tuple(map(scale.at, found.seeds))
    )


def _shown(ranges: Sequence[DrawnRange], differences: bool, margin: float | None) -> list[float]:
    points = [value for found in ranges for value in (found.mean, *found.seeds) if isfinite(value)]
    points += [0.0, *((-margin, margin) if margin else ())] if differences else []
    if not points:
        return []
    width = (max(points) - min(points)) or abs(points[0]) or 1.0
    least, most = min(points) - REACH * width, max(points) + REACH * width
    return points + [min(max(bound, least), most) for bound in _bounds(ranges)]


def _bounds(ranges: Iterable[DrawnRange]) -> Iterable[float]:
    return (bound for found in ranges for bound in (found.low, found.high) if isfinite(bound))
