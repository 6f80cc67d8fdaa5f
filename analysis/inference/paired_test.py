"""Is a difference real, and is it small? Paired Student t and two one-sided tests over training seeds.

Where all pairs differ by the same amount, the deviation is zero and t says nothing; the exact sign-flip test takes
its place. It is the smallest p that n pairs can give without an assumption on their distribution: 2 / 2**n for a
difference, 1 / 2**n for one side of an equivalence test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import stdtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.inference.pairs import Array, Pairs

ROUNDING: Final = 1e-12  # relative; what is closer than this differs by rounding alone


def p_different(found: Pairs) -> float:
    """Two-sided p of no mean difference (paired t, n - 1 degrees of freedom), from two pairs or more."""
    return float(different(found.arm[:, None], found.baseline[:, None])[0])


def p_equivalent(found: Pairs, margin: float) -> float:
    """P of a mean difference of at least ``margin`` in size: the larger of two one-sided tests (TOST).

    Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987) 657.
    """
    n, size = len(found.seeds), abs(float(found.differences.mean()))
    if found.level:
        return 2.0**-n if size < margin else 1.0
    return float(stdtr(n - 1, (size - margin) / _error(found.differences)))  # the nearer bound is the worse side


def different(arm: Array, baseline: Array) -> Array:
    """Two-sided p values (m,) of m columns of paired scores (n, m)."""
    gaps, n = arm - baseline, len(arm)
    means, alike = gaps.mean(axis=0), level(arm, baseline)
    t = np.divide(means, _error(gaps), out=np.zeros_like(means), where=~alike)
    some = np.abs(means) > ROUNDING * np.abs(arm).max(axis=0)
    return np.where(alike, np.where(some, 2.0 ** (1 - n), 1.0), 2 * stdtr(n - 1, -np.abs(t)))


def level(arm: Array, baseline: Array) -> NDArray[np.bool_]:
    """In which of m columns (n, m) all pairs differ by the same amount, but for rounding."""
    scale = np.maximum(np.abs(arm).max(axis=0), np.abs(baseline).max(axis=0))
    return np.asarray(np.ptp(arm - baseline, axis=0) <= ROUNDING * scale)


def _error(gaps: Array) -> Array:
    """Standard error of the mean over the first axis."""
    return np.asarray(gaps.std(axis=0, ddof=1) / np.sqrt(len(gaps)))
