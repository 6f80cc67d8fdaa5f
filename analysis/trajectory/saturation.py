"""A saturating curve through a run's accuracy: the ceiling, and apart from it how soon it is approached.

    R(C) = R0 + (A - R0) / (1 + (C_mid / C)^B)

over the compute C spent so far (ScaleRL, arXiv:2510.13786): ceiling A, slope B, and C_mid, which buys half the gain.
Many curves end before they level off. Then A, B and C_mid make up for each other, and the A of a fit means nothing:
it is known only where its profile interval (``analysis.trajectory.profile``) is narrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import curve_fit
from scipy.special import expit

from analysis.trajectory.profile import bounds, interval, lines, logarithm, start

if TYPE_CHECKING:
    from analysis.trajectory.course import Array

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
