"""Fit a saturating curve to a run's accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, log, sqrt
from typing import Final

import numpy as np
from scipy.optimize import curve_fit
from scipy.special import expit, stdtrit

from analysis.curves.equal_cost import Array
from analysis.stats.bootstrap import CONFIDENCE

SLOPES: Final = np.geomspace(0.3, 8.0, 10)
MIDPOINTS: Final = 24
BEFORE: Final = 1.0  # the midpoint lies from this far below the log of the first cost
BEYOND: Final = log(4.0)  # to this far above that of the last one
_NOTHING: Final = 50.0  # log units below the first cost stand for no cost at all
_TINY: Final = 1e-12  # keeps a curve of the grid that is flat over all points from a division by zero


@dataclass(frozen=True, slots=True, eq=False)
class FitLines:
    """Least squares at every slope and midpoint of the grid (k,)."""

    slope: Array
    middle: Array
    start: Array
    ceiling: Array
    squares: Array  # left over
    bounded: Array  # left over with the ceiling in [0, 1]
    weight: Array  # variance of the ceiling, in variances of a point


def logarithm(cost: Array) -> Array:
    """Log of a cost (n,) that rises from 0; at no cost the curve is at its start."""
    first = cost[cost > 0][0]
    return np.asarray(np.log(np.where(cost > 0, cost, first)) - np.where(cost > 0, 0.0, _NOTHING))


def bounds(x: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Lower and upper ones of start, ceiling, slope and log midpoint, for log costs (n,) that begin at no cost."""
    low, high = float(x[1]) - BEFORE, float(x[-1]) + BEYOND
    return (0.0, 0.0, float(SLOPES[0]), low), (1.0, 1.0, float(SLOPES[-1]), high)


def lines(x: Array, accuracy: Array) -> FitLines:
    """The grid, fitted to a run's accuracy (n,)."""
    (*_, low), (*_, high) = bounds(x)
    slope, middle = (each.ravel() for each in np.meshgrid(SLOPES, np.linspace(low, high, MIDPOINTS)))
    share = expit(slope[:, None] * (x - middle[:, None]))  # (k, n), of the gain
    mean = share.mean(axis=1)
    spread = np.square(share - mean[:, None]).sum(axis=1) + _TINY
    gain = (share - mean[:, None]) @ (accuracy - accuracy.mean()) / spread
    start = accuracy.mean() - gain * mean
    squares = np.square(accuracy - accuracy.mean()).sum() - gain**2 * spread
    weight = 1 / len(x) + np.square(1 - mean) / spread
    outside = start + gain - np.clip(start + gain, 0, 1)
    return FitLines(slope, middle, start, start + gain, squares, squares + outside**2 / weight, weight)


def start(found: FitLines, x: Array) -> tuple[float, ...]:
    """The best curve of the grid within the bounds: start, ceiling, slope, log midpoint."""
    best = int(found.bounded.argmin())
    values = found.start[best], found.ceiling[best], found.slope[best], found.middle[best]
    return tuple(float(np.clip(*each)) for each in zip(values, *bounds(x), strict=True))


def interval(found: FitLines, n: int, ceiling: float, squares: float, variance: float) -> tuple[float, float]:
    """The 95 % profile interval of the ceiling, within [0, 1].

    It is never narrower than the local one of the polished fit (its ceiling, what it leaves, the ceiling's variance):
    a grid may miss a sharp minimum.
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


LEAST: Final = 12  # points, for four parameters
KNOWN_WITHIN: Final = 0.05  # half the profile interval of a ceiling that counts as known
NO_GAIN: Final = "no gain"
OPEN: Final = "not levelled off"
_EVALUATIONS: Final = 60


@dataclass(frozen=True, slots=True)
class Saturation:
    """A fit. Its ceiling, slope and midpoint count only where there is no ``trouble``."""

    start: float  # R0
    ceiling: float  # A
    slope: float  # B
    midpoint: float  # C_mid, in the unit of the cost
    interval: tuple[float, float]  # of the ceiling, 95 %
    trouble: str = ""  # why the ceiling is not known


def saturation(cost: Array, accuracy: Array) -> Saturation | None:
    """Fit a run's accuracy (n,) over its cost (n,), which rises from 0; None below LEAST points."""
    if len(accuracy) < LEAST or not cost[0] == 0 < cost[1]:
        return None
    x = logarithm(cost)
    grid = lines(x, accuracy)
    fitted, variance = _polished(x, accuracy, start(grid, x))
    r0, ceiling, slope, middle = fitted
    left = float(np.square(accuracy - curve(x, *fitted)).sum())
    found = interval(grid, len(x), ceiling, left, variance)
    return Saturation(r0, ceiling, slope, exp(middle), found, _trouble(r0, ceiling, found))


def curve(x: Array, r0: float, ceiling: float, slope: float, middle: float) -> Array:
    """R at log cost ``x`` (n,); ``middle`` is the log of C_mid."""
    return np.asarray(r0 + (ceiling - r0) * expit(slope * (x - middle)))


def _polished(x: Array, accuracy: Array, first: tuple[float, ...]) -> tuple[tuple[float, ...], float]:
    """The parameters of least squares, and the variance of the ceiling."""
    try:
        fitted, covariance = curve_fit(
            curve, x, accuracy, p0=first, jac=_gradient, bounds=bounds(x), max_nfev=_EVALUATIONS
        )
    except RuntimeError:  # too many evaluations; the best of the grid has to do
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
