"""Estimates over training seeds: means, differences and intervals, and their text.

The bootstrap is used from ten seeds on. A replicate draws n seeds with replacement. If the standard error of each
seed's difference over problems and samples is known, the replicate also draws a normal deviate with that error.

*Scale.* A seed's difference already contains evaluation noise, so drawing the noise again counts it twice. Drawing only
seeds gives the standard deviation with n in place of n - 1. Both are corrected: the replicates are scaled about the
mean until their standard deviation is s / sqrt(n). Here s is the unbiased standard deviation of the differences over
seeds.

*Percentiles.* The 2.5 % and 97.5 % points become normal probabilities of Student's t with n - 1 degrees of freedom
(Hesterberg's expanded percentiles, arXiv:1411.5279). They are shifted by 2 z0, where z0 is the normal quantile of the
share of replicates below the mean (Efron's correction of the median bias).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum, inf, isfinite, nan, sqrt
from statistics import fmean
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit
from scipy.stats import binomtest

Array = NDArray[np.float64]
CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds, of scores or differences, with its standard deviation and count."""

    mean: float
    std: float  # over seeds, n - 1; nan for one seed
    n: int
    bounds: tuple[float, float] | None = None  # 95 % interval computed by another method

    @property
    def half_width(self) -> float:
        """Half the width of the 95 % Student t interval of the mean; infinite for one seed."""
        if self.n < 2:
            return inf
        return float(stdtrit(self.n - 1, (1 + CONFIDENCE) / 2)) * self.std / sqrt(self.n)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the mean."""
        if self.bounds is not None:
            return self.bounds
        return self.mean - self.half_width, self.mean + self.half_width


def estimate_mean(values: Iterable[float]) -> Estimate | None:
    """Return the mean and standard deviation of the finite values; None if there are none."""
    finite = [value for value in values if isfinite(value)]
    if not finite:
        return None
    mean = fmean(finite)
    std = sqrt(fsum((value - mean) ** 2 for value in finite) / (len(finite) - 1)) if len(finite) > 1 else nan
    return Estimate(mean, std, len(finite))


def estimate_difference(arm: Mapping[int, float], baseline: Mapping[int, float]) -> Estimate | None:
    """Return the paired difference, arm minus baseline, over common seeds; None without any."""
    return estimate_mean(arm[seed] - baseline[seed] for seed in sorted(arm.keys() & baseline.keys()))


REPLICATES: Final = 9_999


def make_generator(*names: str) -> np.random.Generator:
    """Return a random generator seeded by these names; it is the same in every process."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def bootstrap_interval(
    differences: Array, draws: np.random.Generator, errors: Array | None = None
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean of paired differences.

    Args:
        differences: Paired differences (n,), which must not all be equal.
        draws: The random generator of the replicates.
        errors: Standard errors (n,) of the differences over problems and samples; None if they are unknown.

    Returns:
        The lower and the upper bound.

    """
    n, mean = len(differences), float(differences.mean())
    spread = _spread(differences - mean, draws, errors)
    stretch = float(differences.std(ddof=1)) / sqrt(n) / float(spread.std())
    shift = 2 * float(ndtri(_below(spread)))
    low, high = np.quantile(stretch * spread, _levels(n, shift))
    return mean + float(low), mean + float(high)


def _spread(centered: Array, draws: np.random.Generator, errors: Array | None) -> Array:
    """Return the means of the replicates, relative to the mean of the sample."""
    n = len(centered)
    chosen = draws.integers(n, size=(REPLICATES, n))
    means: Array = centered[chosen].mean(axis=1)
    if errors is not None:
        means = means + draws.standard_normal(REPLICATES) * np.sqrt((errors**2)[chosen].sum(axis=1)) / n
    return means


def _below(spread: Array) -> float:
    """Return the share of replicates below the mean. Ties count one half; 0 and 1 are excluded."""
    share = float(np.mean(spread < 0) + np.mean(spread == 0) / 2)
    return min(max(share, 1 / REPLICATES), 1 - 1 / REPLICATES)


def _levels(n: int, shift: float) -> tuple[float, float]:
    """Return the lower and upper percentile levels for n seeds."""
    wide = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2))
    return float(ndtr(shift - wide)), float(ndtr(shift + wide))


def format_score(found: Estimate, digits: int, count: bool = True) -> str:
    """Format a score as ``0.437 ± 0.021 (3)``; one seed gives ``0.437 (1)``.

    Args:
        found: The mean over seeds.
        digits: Digits after the decimal point.
        count: If False, the number of seeds is shown only for one seed.

    """
    width = f" ± {found.half_width:.{digits}f}" if found.n > 1 else ""
    return f"{found.mean:.{digits}f}{width}" + (f" ({found.n})" if count or found.n == 1 else "")


def format_gap(found: Estimate, digits: int) -> str:
    """Format a difference as ``+0.051 [+0.012, +0.090] (3)``; one pair gives ``+0.051 (1)``."""
    low, high = found.interval
    between = f" [{low:+.{digits}f}, {high:+.{digits}f}]" if found.n > 1 else ""
    return f"{found.mean:+.{digits}f}{between} ({found.n})"


def shorten(text: str, limit: int = 120) -> str:
    """Return the first line of a message, shortened to ``limit`` characters."""
    line = (str(text).strip().splitlines() or ["no message"])[0]
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def wilson_interval(part: int, whole: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share; [0, 1] where nothing was counted."""
    if not whole:
        return 0.0, 1.0
    found = binomtest(part, whole).proportion_ci(method="wilson")
    return float(found.low), float(found.high)
