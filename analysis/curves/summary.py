"""Summary of a cell's learning: area under the curve, fitted ceiling and collapses.

*Saturation* (ScaleRL, arXiv:2510.13786). The fitted curve over the compute C spent so far is

    R(C) = R0 + (A - R0) / (1 + (C_mid / C)^B)

with ceiling A and slope B. C_mid is the compute that buys half the gain. Many curves end before they level off. Then A,
B and C_mid compensate each other and the fitted A means nothing. A is known only if its profile interval is narrow.

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
from math import exp, isfinite, log, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import curve_fit
from scipy.special import expit, stdtrit

from analysis.curves.equal_cost import Array, Cost, area, count_unknown_costs
from analysis.stats import CONFIDENCE, Estimate, estimate_mean, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.curves.equal_cost import LearningCurve, LearningCurves


SLOPES: Final = np.geomspace(0.3, 8.0, 10)
MIDPOINTS: Final = 24
BEFORE: Final = 1.0  # lower bound of the log midpoint: this far below the log of the first cost
BEYOND: Final = log(4.0)  # upper bound: this far above the log of the last cost
_NOTHING: Final = 50.0  # log units below the first cost; represents zero cost
_TINY: Final = 1e-12  # avoids a division by zero for a grid curve that is flat over all points


@dataclass(frozen=True, slots=True, eq=False)
class FitLines:
    """Least-squares fits at every slope and midpoint of the grid (k,)."""

    slope: Array
    middle: Array
    start: Array
    ceiling: Array
    squares: Array  # residual sum of squares
    bounded: Array  # the same with the ceiling in [0, 1]
    weight: Array  # variance of the ceiling, in units of a point's variance


def logarithm(cost: Array) -> Array:
    """Return the log of a cost (n,) that rises from 0; zero cost maps to a very low value."""
    first = cost[cost > 0][0]
    return np.asarray(np.log(np.where(cost > 0, cost, first)) - np.where(cost > 0, 0.0, _NOTHING))


def bounds(x: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the lower and upper bounds of start, ceiling, slope and log midpoint.

    ``x`` holds the log costs (n,), the first of which represents zero cost.
    """
    low, high = float(x[1]) - BEFORE, float(x[-1]) + BEYOND
    return (0.0, 0.0, float(SLOPES[0]), low), (1.0, 1.0, float(SLOPES[-1]), high)


def fit_lines(x: Array, accuracy: Array) -> FitLines:
    """Fit the grid to a run's accuracy (n,) at log costs ``x`` (n,)."""
    (*_, low), (*_, high) = bounds(x)
    slope, middle = (each.ravel() for each in np.meshgrid(SLOPES, np.linspace(low, high, MIDPOINTS)))
    share = expit(slope[:, None] * (x - middle[:, None]))  # (k, n), share of the gain
    mean = share.mean(axis=1)
    spread = np.square(share - mean[:, None]).sum(axis=1) + _TINY
    gain = (share - mean[:, None]) @ (accuracy - accuracy.mean()) / spread
    start = accuracy.mean() - gain * mean
    squares = np.square(accuracy - accuracy.mean()).sum() - gain**2 * spread
    weight = 1 / len(x) + np.square(1 - mean) / spread
    outside = start + gain - np.clip(start + gain, 0, 1)
    return FitLines(slope, middle, start, start + gain, squares, squares + outside**2 / weight, weight)


def choose_start(found: FitLines, x: Array) -> tuple[float, ...]:
    """Return the best grid curve within the bounds: start, ceiling, slope, log midpoint."""
    best = int(found.bounded.argmin())
    values = found.start[best], found.ceiling[best], found.slope[best], found.middle[best]
    return tuple(float(np.clip(*each)) for each in zip(values, *bounds(x), strict=True))


def compute_profile_interval(
    found: FitLines, n: int, ceiling: float, squares: float, variance: float
) -> tuple[float, float]:
    """Return the 95 % profile interval of the ceiling, within [0, 1].

    It is never narrower than the local interval of the refined fit, because a grid may miss a sharp minimum.

    Args:
        found: The fits of the grid.
        n: Number of points.
        ceiling: The ceiling of the refined fit.
        squares: Its residual sum of squares.
        variance: The variance of its ceiling.

    Returns:
        The lower and the upper bound.

    """
    t = float(stdtrit(n - 4, (1 + CONFIDENCE) / 2))
    least = min(squares, float(found.bounded.min()))
    limit = least * (1 + t**2 / (n - 4))
    good = found.bounded <= limit
    width = np.sqrt((limit - found.squares[good]) * found.weight[good])
    local = t * sqrt(variance) if isfinite(variance) else 1.0
    low = np.append(found.ceiling[good] - width, ceiling - local).min()
    high = np.append(found.ceiling[good] + width, ceiling + local).max()
    return float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))


LEAST_POINTS: Final = 12  # points, for four parameters
KNOWN_WITHIN: Final = 0.05  # largest half-width of the profile interval of a known ceiling
NO_GAIN: Final = "no gain"
OPEN: Final = "not levelled off"
_EVALUATIONS: Final = 60


@dataclass(frozen=True, slots=True)
class Saturation:
    """A fitted curve. Ceiling, slope and midpoint are valid only if ``trouble`` is empty."""

    start: float  # R0
    ceiling: float  # A
    slope: float  # B
    midpoint: float  # C_mid, in the unit of the cost
    interval: tuple[float, float]  # 95 % interval of the ceiling
    trouble: str = ""  # why the ceiling is not known


def fit_saturation(cost: Array, accuracy: Array) -> Saturation | None:
    """Fit a run's accuracy (n,) over its cost (n,), which rises from 0.

    Returns None below LEAST points, and if the cost does not rise from 0.
    """
    if len(accuracy) < LEAST_POINTS or not cost[0] == 0 < cost[1]:
        return None
    x = logarithm(cost)
    grid = fit_lines(x, accuracy)
    fitted, variance = _polished(x, accuracy, choose_start(grid, x))
    r0, ceiling, slope, middle = fitted
    left = float(np.square(accuracy - saturating_curve(x, *fitted)).sum())
    found = compute_profile_interval(grid, len(x), ceiling, left, variance)
    return Saturation(r0, ceiling, slope, exp(middle), found, _trouble(r0, ceiling, found))


def saturating_curve(x: Array, r0: float, ceiling: float, slope: float, middle: float) -> Array:
    """Return the fitted accuracy R at log costs.

    Args:
        x: Log costs (n,).
        r0: Accuracy at zero cost.
        ceiling: The asymptote A.
        slope: The slope B.
        middle: The log of C_mid.

    Returns:
        The accuracies (n,).

    """
    return np.asarray(r0 + (ceiling - r0) * expit(slope * (x - middle)))


def _polished(x: Array, accuracy: Array, first: tuple[float, ...]) -> tuple[tuple[float, ...], float]:
    """Return the least-squares parameters and the variance of the ceiling."""
    try:
        fitted, covariance = curve_fit(
            saturating_curve, x, accuracy, p0=first, jac=_gradient, bounds=bounds(x), max_nfev=_EVALUATIONS
        )
    except RuntimeError:  # too many evaluations; keep the best fit of the grid
        return first, np.inf
    return tuple(map(float, fitted)), float(covariance[1, 1])


def _gradient(x: Array, r0: float, ceiling: float, slope: float, middle: float) -> Array:
    share = expit(slope * (x - middle))
    steep = (ceiling - r0) * share * (1 - share)
    return np.stack([1 - share, share, steep * (x - middle), -steep * slope], axis=1)


def _trouble(r0: float, ceiling: float, found: tuple[float, float]) -> str:
    if ceiling <= r0:
        return NO_GAIN
    return OPEN if (found[1] - found[0]) / 2 > KNOWN_WITHIN else ""


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
