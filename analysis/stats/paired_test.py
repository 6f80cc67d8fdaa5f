"""Paired tests over training seeds: difference and equivalence.

The tests are the paired Student t test and two one-sided tests (TOST). If all pairs differ by the same amount, the
standard deviation is zero and t is undefined. The exact sign-flip test then replaces it. It gives the smallest p that n
pairs reach without a distributional assumption: 2 / 2**n for a difference and 1 / 2**n for one side of an equivalence
test.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import stdtr

from analysis.stats.bootstrap import Array

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from analysis.stats.contrasts import Contrast
    from analysis.study.frame import Failures


@dataclass(frozen=True, slots=True)
class FailedSeed:
    """A seed without a difference because a run failed, or may have failed, due to its arm."""

    seed: int
    arm: float  # weight of the cells on the arm's side that failed; 0 for none
    baseline: float
    certain: bool  # the reasons are known


@dataclass(frozen=True, slots=True)
class Pairs:
    """Scores (n,) of arm and baseline for their common seeds, in rising order; n may be 0.

    ``failed`` holds further seeds. ``differences`` and all estimates exclude them: they describe surviving runs.
    """

    seeds: tuple[int, ...]
    arm: Array
    baseline: Array
    failed: tuple[FailedSeed, ...] = ()

    @property
    def judged(self) -> int:
        """The number of seeds that a verdict uses; failures for an unknown reason do not count."""
        return len(self.seeds) + sum(each.certain for each in self.failed)

    @property
    def testable(self) -> bool:
        """True if there are two pairs or more, counting failures for a known reason."""
        return self.judged > 1

    @property
    def differences(self) -> Array:
        """Arm minus baseline (n,)."""
        return self.arm - self.baseline

    @property
    def level(self) -> bool:
        """True if all differences are equal up to rounding."""
        return bool(has_equal_differences(self.arm, self.baseline))

    @property
    def correlation(self) -> float:
        """Correlation of the arms over seeds; nan below three pairs or if an arm does not vary."""
        if len(self.seeds) < 3 or not (np.ptp(self.arm) and np.ptp(self.baseline)):
            return nan
        return float(np.corrcoef(self.arm, self.baseline)[0, 1])

    @property
    def improvement(self) -> float:
        """Probability that a run of the arm scores higher than one of the baseline.

        Runs are compared regardless of their seeds and a tie counts one half (arXiv:2108.13264, sec. 4.3;
        Mann-Whitney's U over n * n).
        """
        gaps = self.arm[:, None] - self.baseline[None, :]
        return float(np.mean((gaps > 0) + 0.5 * (gaps == 0))) if gaps.size else nan


def pair_scores(by_cell: Mapping[int, Mapping[int, float]], contrast: Contrast, lost: Failures | None = None) -> Pairs:
    """Return the finite scores of a contrast for common seeds, and the failed seeds.

    Args:
        by_cell: Cell -> seed -> score (``frame.read_scores``).
        contrast: The arm and its baseline.
        lost: Cell -> seed -> reason (``frame.read_failures``). Without it, failures count as missing.

    Returns:
        The scores of the common seeds. A seed counts as failed if one side failed, and the other failed too or has a
        score.

    """
    arm, baseline = by_cell.get(contrast.arm, {}), by_cell.get(contrast.baseline, {})
    seeds = tuple(
        seed for seed in sorted(arm.keys() & baseline.keys()) if isfinite(arm[seed]) and isfinite(baseline[seed])
    )
    ones, others = (np.array([side[seed] for seed in seeds], dtype=float) for side in (arm, baseline))
    return Pairs(seeds, ones, others, tuple(_failed(by_cell, contrast, lost or {})))


def _failed(by_cell: Mapping[int, Mapping[int, float]], contrast: Contrast, lost: Failures) -> Iterator[FailedSeed]:
    sides = [(by_cell.get(cell, {}), lost.get(cell, {})) for cell in (contrast.arm, contrast.baseline)]
    for seed in sorted({seed for _, reasons in sides for seed in reasons}):
        if all(seed in reasons or isfinite(scored.get(seed, nan)) for scored, reasons in sides):
            arm, baseline = (float(seed in reasons) for _, reasons in sides)
            yield FailedSeed(seed, arm, baseline, all(reasons.get(seed) != "unknown" for _, reasons in sides))


ROUNDING: Final = 1e-12  # relative tolerance below which values differ only by rounding


def p_different(found: Pairs) -> float:
    """Return the two-sided p value of no mean difference (paired t test, two pairs or more)."""
    return float(paired_p_values(found.arm[:, None], found.baseline[:, None])[0])


def p_equivalent(found: Pairs, margin: float) -> float:
    """Return the p value of a mean difference of at least ``margin`` in size (TOST).

    It is the larger of two one-sided tests (Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987) 657).
    """
    n, size = len(found.seeds), abs(float(found.differences.mean()))
    if found.level:
        return 2.0**-n if size < margin else 1.0
    return float(stdtr(n - 1, (size - margin) / _error(found.differences)))  # the nearer bound gives the larger p


def paired_p_values(arm: Array, baseline: Array) -> Array:
    """Return the two-sided p values (m,) of m columns of paired scores (n, m)."""
    gaps, n = arm - baseline, len(arm)
    means, alike = gaps.mean(axis=0), has_equal_differences(arm, baseline)
    t = np.divide(means, _error(gaps), out=np.zeros_like(means), where=~alike)
    some = np.abs(means) > ROUNDING * np.abs(arm).max(axis=0)
    return np.where(alike, np.where(some, 2.0 ** (1 - n), 1.0), 2 * stdtr(n - 1, -np.abs(t)))


def has_equal_differences(arm: Array, baseline: Array) -> NDArray[np.bool_]:
    """Return a mask (m,) of the columns (n, m) with equal differences up to rounding."""
    scale = np.maximum(np.abs(arm).max(axis=0), np.abs(baseline).max(axis=0))
    return np.asarray(np.ptp(arm - baseline, axis=0) <= ROUNDING * scale)


def _error(gaps: Array) -> Array:
    """Return the standard error of the mean over the first axis."""
    return np.asarray(gaps.std(axis=0, ddof=1) / np.sqrt(len(gaps)))
