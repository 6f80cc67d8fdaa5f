"""Interval of a mean difference from resampled seeds, for ten seeds and more.

A replicate draws n seeds with replacement and, where the error of each seed's difference over problems and samples
is known, draws that level too: as a normal deviate, which the mean over resampled problems and samples comes to.

*Scale.* A seed's difference already holds the noise of its evaluation; to draw it again counts it twice, while
drawing seeds alone gives the deviation with n in place of n - 1. Both are undone: the replicates are stretched about
the mean until their deviation is s / sqrt(n), s being the unbiased deviation of the differences over seeds.

*Levels.* The 2.5 % and 97.5 % points become normal probabilities of Student's t with n - 1 degrees of freedom
(Hesterberg's expanded percentiles, arXiv:1411.5279), shifted by 2 z0, where z0 is the normal quantile of the
share of replicates below the mean (Efron's correction of the median's bias).
"""

from __future__ import annotations

import hashlib
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

if TYPE_CHECKING:
    from analysis.inference.pairs import Array

REPLICATES: Final = 9_999
CONFIDENCE: Final = 0.95


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
