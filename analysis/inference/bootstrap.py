"""Interval of a mean difference from resampled seeds, for ten seeds and more."""

from __future__ import annotations

import hashlib
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

if TYPE_CHECKING:
    from analysis.inference.pairs import Array

REPLICATES: Final = 9_999


def generator(*names: str) -> np.random.Generator:
    """A generator of its own for what these names name; the same in every process."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def bootstrap_interval(differences: Array, draws: np.random.Generator, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of the mean of paired differences (n,)."""
    n, mean = len(differences), float(differences.mean())
    replicates = differences[draws.integers(n, size=(REPLICATES, n))].mean(axis=1)
    spread = (replicates - mean) * sqrt(n / (n - 1))  # resampling alone gives the biased deviation
    below = ((replicates < mean).sum() + 0.5 * (replicates == mean).sum()) / REPLICATES
    shift, wide = 2 * ndtri(below), stdtrit(n - 1, (1 + confidence) / 2)
    low, high = np.quantile(spread, [ndtr(shift - wide), ndtr(shift + wide)])
    return mean + float(low), mean + float(high)
