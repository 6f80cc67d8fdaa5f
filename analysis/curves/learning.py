"""How a cell learns: area under the curve, ceiling, collapses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import binomtest

from analysis.curves.equal_cost import Cost, area, lacking
from analysis.curves.saturation import LEAST as LEAST_POINTS
from analysis.curves.saturation import saturation
from analysis.stats.bootstrap import Estimate, estimate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.curves.equal_cost import Array, LearningCurve, LearningCurves
    from analysis.curves.saturation import Saturation


WINDOW: Final = 5  # points
LEAST: Final = 2 * WINDOW  # points below which nothing is said
LOSS: Final = 0.1  # of accuracy; a smaller fall is none
DEVIATIONS: Final = 3.0  # of a single point
_NORMAL: Final = 0.6745  # median absolute deviation of a normal variable, in deviations


@dataclass(frozen=True, slots=True)
class Collapses:
    """Which seeds of a cell collapsed, and when."""

    steps: Mapping[int, int]  # seed -> the step from which it stayed down
    n: int  # seeds with curves long enough to tell

    @property
    def share(self) -> float:
        """Of the seeds."""
        return len(self.steps) / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson score interval of the share."""
        found = binomtest(len(self.steps), self.n).proportion_ci(method="wilson")
        return float(found.low), float(found.high)


def collapses(by_seed: Mapping[int, LearningCurve]) -> Collapses | None:
    """The collapses of a cell; None where no curve is long enough to tell."""
    long = {seed: course for seed, course in sorted(by_seed.items()) if len(course.accuracy) >= LEAST}
    fallen = {seed: place for seed, course in long.items() if (place := collapse(course.accuracy)) is not None}
    steps = {seed: int(long[seed].steps[place]) + 1 for seed, place in fallen.items()}
    return Collapses(steps, len(long)) if long else None


def collapse(accuracy: Array) -> int | None:
    """The place in ``accuracy`` (n,) from which it stays below the level; None where it does not end there."""
    if len(accuracy) < LEAST:
        return None
    smooth = np.convolve(accuracy, np.full(WINDOW, 1 / WINDOW), mode="valid")
    above = np.flatnonzero(smooth >= _level(smooth, _deviation(accuracy)))  # never empty: the best is
    return None if above[-1] == len(smooth) - 1 else int(above[-1]) + WINDOW


def _level(smooth: Array, deviation: float) -> float:
    start, best = float(smooth[0]), float(smooth.max())
    margin = max(LOSS, DEVIATIONS * deviation)
    lost = (start + best) / 2 if best - start >= margin else best / 2
    return min(lost, best - margin)


def _deviation(accuracy: Array) -> float:
    """Of a single point around the curve."""
    return float(np.median(np.abs(np.diff(accuracy)))) / (_NORMAL * sqrt(2))


COLLAPSED = "collapsed"
SHORT = f"fewer than {LEAST_POINTS} points"


@dataclass(frozen=True, slots=True)
class Learning:
    """A cell's curves over seeds. Ceiling, slope and midpoint are None unless every seed's fit knows its ceiling.

    To leave the others out would keep the seeds that levelled off early, or luckily.
    """

    area: Estimate  # mean on-policy accuracy over all steps
    over: Cost  # what the fits take for compute
    ceiling: Estimate | None
    slope: Estimate | None
    midpoint: Estimate | None  # in the unit of ``over``
    trouble: str  # why there is no ceiling, and in how many seeds
    collapses: Collapses | None  # None where the curves are too short to tell


def compute(found: LearningCurves) -> Cost:
    """What fits take for compute: response tokens, or steps where a run of the study has not counted its tokens."""
    return "steps" if lacking(found, "tokens") else "tokens"


def learning(by_seed: Mapping[int, LearningCurve], over: Cost) -> Learning:
    """Summarise the courses of a cell; there is one at least."""
    fallen = collapses(by_seed)
    areas = estimate(area(course, "steps") for course in by_seed.values())
    if areas is None:
        raise ValueError("a cell without a course has nothing to summarise")
    down = fallen.steps if fallen else {}
    fits = {seed: _fit(course, over) for seed, course in sorted(by_seed.items()) if seed not in down}
    reasons = [COLLAPSED for _ in down] + [SHORT if fit is None else fit.trouble for fit in fits.values()]
    known = [fit for fit in fits.values() if fit is not None]
    trouble = _told(reasons)
    return Learning(
        area=areas,
        over=over,
        ceiling=None if trouble else estimate(fit.ceiling for fit in known),
        slope=None if trouble else estimate(fit.slope for fit in known),
        midpoint=None if trouble else estimate(fit.midpoint for fit in known),
        trouble=trouble,
        collapses=fallen,
    )


def _fit(course: LearningCurve, over: Cost) -> Saturation | None:
    cost = course.cost(over)
    return None if cost is None else saturation(cost, course.accuracy)


def _told(reasons: Iterable[str]) -> str:
    """``not levelled off in 2, collapsed in 1 of 6``; empty where no seed has a reason."""
    counts = Counter(reasons)
    told = [f"{reason} in {count}" for reason, count in sorted(counts.items()) if reason]
    return f"{', '.join(told)} of {counts.total()}" if told else ""
