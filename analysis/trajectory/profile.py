"""Where a saturating fit starts, and which ceilings are about as good as the best one.

For a given slope and midpoint the curve is a straight line in its start and its ceiling, so that least squares over
a grid of both finds the global minimum. The profile interval of the ceiling holds every one whose best curve leaves
at most the sum of squares ``S_min (1 + t^2 / (n - 4))``. Where the data leave the ceiling open it is wide, though
the covariance at the minimum may be small (Raue et al., Bioinformatics 25 (2009) 1923).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log, sqrt
from typing import Final

import numpy as np
from scipy.special import expit, stdtrit

from analysis.stats import CONFIDENCE
from analysis.trajectory.course import Array

SLOPES: Final = np.geomspace(0.3, 8.0, 10)
MIDPOINTS: Final = 24
BEFORE: Final = 1.0  # the midpoint lies from this far below the log of the first cost
BEYOND: Final = log(4.0)  # to this far above that of the last one
_NOTHING: Final = 50.0  # log units below the first cost stand for no cost at all
_TINY: Final = 1e-12  # keeps a curve of the grid that is flat over all points from a division by zero


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
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


def lines(x: Array, accuracy: Array) -> Lines:
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
    return Lines(slope, middle, start, start + gain, squares, squares + outside**2 / weight, weight)


def start(found: Lines, x: Array) -> tuple[float, ...]:
    """The best curve of the grid within the bounds: start, ceiling, slope, log midpoint."""
    best = int(found.bounded.argmin())
    values = found.start[best], found.ceiling[best], found.slope[best], found.middle[best]
    return tuple(float(np.clip(*each)) for each in zip(values, *bounds(x), strict=True))


def interval(found: Lines, n: int, ceiling: float, squares: float, variance: float) -> tuple[float, float]:
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
