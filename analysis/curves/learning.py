"""Summary of a cell's learning: area under the curve, ceiling and collapses.

*Collapse.* The on-policy accuracy is smoothed by trailing means of WINDOW points. A run has collapsed if the smoothed
curve ends below a level. The collapse is dated to the first step of that last stretch below it. The level is the lower
one of

- half-way between the first smoothed value and the best one, or half of the best one if the run never gained as
  much as the margin;
- the best one minus the margin: ten points of accuracy, or three standard deviations of a point if that is more.

The standard deviation of a point is robust: the median absolute difference of successive points over 0.6745 sqrt(2). On
simulated flat, rising and saturating curves with a noise of 0.03 to 0.12 per point the rule had a false alarm rate
below 1 %. A run that dips and recovers has not collapsed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.curves.equal_cost import Cost, area, count_unknown_costs
from analysis.curves.saturation import LEAST as LEAST_POINTS
from analysis.curves.saturation import fit_saturation
from analysis.stats.bootstrap import Estimate, estimate_mean
from analysis.stats.shares import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.curves.equal_cost import Array, LearningCurve, LearningCurves
    from analysis.curves.saturation import Saturation


WINDOW: Final = 5  # points
LEAST: Final = 2 * WINDOW  # points; shorter curves are not judged
LOSS: Final = 0.1  # of accuracy; a smaller fall does not count
DEVIATIONS: Final = 3.0  # standard deviations of a single point
_NORMAL: Final = 0.6745  # median absolute deviation of a normal variable, in standard deviations


@dataclass(frozen=True, slots=True)
class Collapses:
    """The seeds of a cell that collapsed, with their steps."""

    steps: Mapping[int, int]  # seed -> the first step of the collapse
    n: int  # seeds with curves that are long enough

    @property
    def share(self) -> float:
        """The share of seeds that collapsed."""
        return len(self.steps) / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson score interval of the share."""
        return wilson_interval(len(self.steps), self.n)


def find_collapses(by_seed: Mapping[int, LearningCurve]) -> Collapses | None:
    """Return the collapses of a cell; None if no curve is long enough."""
    long = {seed: course for seed, course in sorted(by_seed.items()) if len(course.accuracy) >= LEAST}
    fallen = {seed: place for seed, course in long.items() if (place := find_collapse(course.accuracy)) is not None}
    steps = {seed: int(long[seed].steps[place]) + 1 for seed, place in fallen.items()}
    return Collapses(steps, len(long)) if long else None


def find_collapse(accuracy: Array) -> int | None:
    """Return the index in ``accuracy`` (n,) of the collapse; None if there is no collapse."""
    if len(accuracy) < LEAST:
        return None
    smooth = np.convolve(accuracy, np.full(WINDOW, 1 / WINDOW), mode="valid")
    above = np.flatnonzero(smooth >= _level(smooth, _deviation(accuracy)))  # never empty: it holds the best
    return None if above[-1] == len(smooth) - 1 else int(above[-1]) + WINDOW


def _level(smooth: Array, deviation: float) -> float:
    start, best = float(smooth[0]), float(smooth.max())
    margin = max(LOSS, DEVIATIONS * deviation)
    lost = (start + best) / 2 if best - start >= margin else best / 2
    return min(lost, best - margin)


def _deviation(accuracy: Array) -> float:
    """Return the robust standard deviation of a single point around the curve."""
    return float(np.median(np.abs(np.diff(accuracy)))) / (_NORMAL * sqrt(2))


COLLAPSED = "collapsed"
SHORT = f"fewer than {LEAST_POINTS} points"


@dataclass(frozen=True, slots=True)
class Learning:
    """A cell's learning curves, summarized over seeds.

    Ceiling, slope and midpoint are None unless the fit of every seed determines its ceiling. Leaving out the other
    seeds would select those that leveled off early or by chance.
    """

    area: Estimate  # mean on-policy accuracy over all steps
    over: Cost  # the compute axis of the fits
    ceiling: Estimate | None
    slope: Estimate | None
    midpoint: Estimate | None  # in the unit of ``over``
    trouble: str  # why there is no ceiling, and for how many seeds
    collapses: Collapses | None  # None if the curves are too short


def choose_compute_axis(found: LearningCurves) -> Cost:
    """Return the compute axis of the fits: tokens, or steps if a run did not record its tokens."""
    return "steps" if count_unknown_costs(found, "tokens") else "tokens"


def summarize_learning(by_seed: Mapping[int, LearningCurve], over: Cost) -> Learning:
    """Summarize the learning curves of a cell, at least one; raise ValueError without any."""
    fallen = find_collapses(by_seed)
    areas = estimate_mean(area(course, "steps") for course in by_seed.values())
    if areas is None:
        raise ValueError("a cell without a learning curve cannot be summarized")
    down = fallen.steps if fallen else {}
    fits = {seed: _fit(course, over) for seed, course in sorted(by_seed.items()) if seed not in down}
    reasons = [COLLAPSED for _ in down] + [SHORT if fit is None else fit.trouble for fit in fits.values()]
    known = [fit for fit in fits.values() if fit is not None]
    trouble = _told(reasons)
    return Learning(
        area=areas,
        over=over,
        ceiling=None if trouble else estimate_mean(fit.ceiling for fit in known),
        slope=None if trouble else estimate_mean(fit.slope for fit in known),
        midpoint=None if trouble else estimate_mean(fit.midpoint for fit in known),
        trouble=trouble,
        collapses=fallen,
    )


def _fit(course: LearningCurve, over: Cost) -> Saturation | None:
    cost = course.cost(over)
    return None if cost is None else fit_saturation(cost, course.accuracy)


def _told(reasons: Iterable[str]) -> str:
    """Format the reasons: ``not levelled off in 2, collapsed in 1 of 6``; empty without any."""
    counts = Counter(reasons)
    told = [f"{reason} in {count}" for reason, count in sorted(counts.items()) if reason]
    return f"{', '.join(told)} of {counts.total()}" if told else ""
