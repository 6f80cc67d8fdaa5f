"""Runs that lost what they had: a rule that noise alone does not meet.

Smooth the on-policy accuracy by trailing means of WINDOW points. A run has collapsed where this ends below a level,
and the collapse is dated to the first step of that last stretch below it. The level is the lower one of

- half-way between the first smoothed value and the best one, or half of the best one where the run never gained as
  much as the margin;
- the best one less the margin: ten points of accuracy, or three deviations of a single point if that is more.

The deviation of a point is robust: the median absolute difference of successive points, over 0.6745 sqrt(2). On
simulated flat, rising and levelling curves with a noise of 0.03 to 0.12 a point the rule met fewer than 1 in 100.
A run that dips and recovers has not collapsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import binomtest

if TYPE_CHECKING:
    from analysis.trajectory.course import Array, Course

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


def collapses(by_seed: Mapping[int, Course]) -> Collapses | None:
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
