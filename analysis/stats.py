"""Means, paired differences and their intervals. The training seed is the unit; pure functions on numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum, inf, isfinite, nan, sqrt
from statistics import fmean
from typing import TYPE_CHECKING, Final

from scipy.special import stdtrit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds, of scores or of paired differences, with what every interval or test needs."""

    mean: float
    std: float  # over seeds, n - 1; nan for one seed
    n: int
    bounds: tuple[float, float] | None = None  # of a 95 % interval taken another way

    @property
    def half_width(self) -> float:
        """Of the 95 % Student t interval of the mean; infinite for one seed, which says nothing of others."""
        if self.n < 2:
            return inf
        return float(stdtrit(self.n - 1, (1 + CONFIDENCE) / 2)) * self.std / sqrt(self.n)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean."""
        if self.bounds is not None:
            return self.bounds
        return self.mean - self.half_width, self.mean + self.half_width


def estimate(values: Iterable[float]) -> Estimate | None:
    """Mean and deviation of the finite values; None where there are none."""
    finite = [value for value in values if isfinite(value)]
    if not finite:
        return None
    mean = fmean(finite)
    std = sqrt(fsum((value - mean) ** 2 for value in finite) / (len(finite) - 1)) if len(finite) > 1 else nan
    return Estimate(mean, std, len(finite))


def paired(arm: Mapping[int, float], baseline: Mapping[int, float]) -> Estimate | None:
    """Arm minus baseline, seed by seed, over the seeds that both have; None where they share none."""
    return estimate(arm[seed] - baseline[seed] for seed in sorted(arm.keys() & baseline.keys()))
