"""Fit a saturating curve to a run's accuracy (ScaleRL, arXiv:2510.13786).

The curve over the compute C spent so far is

    R(C) = R0 + (A - R0) / (1 + (C_mid / C)^B)

with ceiling A and slope B. C_mid is the compute that buys half the gain. Many curves end before they level off. Then A,
B and C_mid compensate each other and the fitted A means nothing. A is known only if its profile interval is narrow.
"""

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


LEAST: Final = 12  # points, for four parameters
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
    if len(accuracy) < LEAST or not cost[0] == 0 < cost[1]:
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
