"""Means, paired differences and bootstrap intervals over training seeds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import fsum, inf, isfinite, nan, sqrt
from statistics import fmean
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


Array = NDArray[np.float64]
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


REPLICATES: Final = 9_999


def generator(*names: str) -> np.random.Generator:
    """A generator of its own for what these names name; the same in every process."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def bootstrap_interval(
    differences: Array, draws: np.random.Generator, errors: Array | None = None
) -> tuple[float, float]:
    """The 95 % interval of the mean of paired differences (n,), not all equal. ``errors`` (n,): see above."""
    n, mean = len(differences), float(differences.mean())
    spread = _spread(differences - mean, draws, errors)
    stretch = float(differences.std(ddof=1)) / sqrt(n) / float(spread.std())
    shift = 2 * float(ndtri(_below(spread)))
    low, high = np.quantile(stretch * spread, _levels(n, shift))
    return mean + float(low), mean + float(high)


def _spread(centred: Array, draws: np.random.Generator, errors: Array | None) -> Array:
    """Means of the replicates, about the mean."""
    n = len(centred)
    chosen = draws.integers(n, size=(REPLICATES, n))
    means: Array = centred[chosen].mean(axis=1)
    if errors is not None:
        means = means + draws.standard_normal(REPLICATES) * np.sqrt((errors**2)[chosen].sum(axis=1)) / n
    return means


def _below(spread: Array) -> float:
    """Share of replicates below the mean, ties counting half, kept off 0 and 1."""
    share = float(np.mean(spread < 0) + np.mean(spread == 0) / 2)
    return min(max(share, 1 / REPLICATES), 1 - 1 / REPLICATES)


def _levels(n: int, shift: float) -> tuple[float, float]:
    wide = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2))
    return float(ndtr(shift - wide)), float(ndtr(shift + wide))
