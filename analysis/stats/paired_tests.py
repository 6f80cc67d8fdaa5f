"""Paired tests over training seeds: t tests, equivalence, and signed ranks.

*Scores.* The tests are the paired Student t test and two one-sided tests (TOST). If all pairs differ by the same
amount, the standard deviation is zero and t is undefined. The exact sign-flip test then replaces it. It gives the
smallest p that n pairs reach without a distributional assumption: 2 / 2**n for a difference and 1 / 2**n for one side
of an equivalence test.

*Failed runs.* Pairs with failed runs are tested by Wilcoxon's signed ranks. A run that failed for a reason of its arm
is the worst outcome. Its pair differs by more than every pair of two scores (worst-rank analysis, Lachin, Control.
Clin. Trials 20 (1999) 408). A seed for which both sides failed is a tie, and ties are left out. Under the null
hypothesis the outcomes of a pair, failures included, are exchangeable. So all signs of the ranks are equally likely: p
is exact given the ranks, without a distributional assumption.

A failure may allow two treatments. The largest p counts if all treatments lean the same way:

- The reason of a failure is not known. The run counts as the worst outcome, and as missing at random.
- The score has no worst end, such as a length or a cost. A failure ranks last at one end, and at the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import stdtr
from scipy.stats import rankdata

from analysis.stats.estimates import Array

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from analysis.stats.contrasts import Contrast
    from analysis.study import Failures


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
        by_cell: Cell -> seed -> score (``runs.read_scores``).
        contrast: The arm and its baseline.
        lost: Cell -> seed -> reason (``runs.read_failures``). Without it, failures count as missing.

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


_DIGITS: Final = 11  # significant digits of a score; smaller differences are rounding
_RISING: Final = re.compile(r"(.+/)?(accuracy|reward|score|(avg|pass|maj)@\d+)")  # scores for which higher is better


def is_higher_better(metric: str) -> bool:
    """Return True if a higher score is better: an accuracy, a reward, or a custom score."""
    return _RISING.fullmatch(metric) is not None


def has_worst_end(contrast: Contrast) -> bool:
    """Return True if a low score is bad.

    This holds for scores that should rise, and for controls, which declare the direction of their effect.
    """
    return contrast.family == "control" or is_higher_better(contrast.metric)


def p_with_failures(found: Pairs, worst_end: bool) -> tuple[float, int]:
    """Return the two-sided p value of no difference, and the sign of the arm's lead.

    Args:
        found: Pairs with at least one failure.
        worst_end: True if a failure ranks below every score; otherwise it is ranked at both ends.

    Returns:
        p in (0, 1], and +1, -1 or 0. p is 1 and the sign 0 if two treatments lean to different sides.

    """
    results = list(_treatments(found, worst_end))
    signs = {sign for _, sign in results}
    return (max(p for p, _ in results), signs.pop()) if len(signs) == 1 else (1.0, 0)


def signed_ranks(differences: Array, leads: Array) -> tuple[float, int]:
    """Return Wilcoxon's exact two-sided p value of paired differences, and their sign.

    Args:
        differences: Differences (n,) of the pairs of scores, 0 for ties.
        leads: For pairs with a failure (m,): the failed weight of the baseline minus that of the arm. Each ranks above
            all differences; 0 is a tie.

    Returns:
        p in (0, 1], and +1, -1 or 0. Ties in size get the mean rank. The null distribution enumerates all signs.

    """
    sizes = np.concatenate([np.abs(differences), np.abs(leads) + np.abs(differences).max(initial=0.0) + 1.0])
    kept = np.concatenate([differences, leads]) != 0
    signs = np.sign(np.concatenate([differences, leads]))[kept]
    ranks = np.rint(2 * rankdata(sizes[kept])).astype(int) if kept.any() else np.zeros(0, dtype=int)
    shares = np.ones(1)  # of all signs, by the sum of the positive ones' doubled ranks
    for rank in ranks:
        shares = (np.append(shares, np.zeros(rank)) + np.append(np.zeros(rank), shares)) / 2
    positive, total = int(ranks[signs > 0].sum()), int(ranks.sum())
    p = 2 * min(shares[: positive + 1].sum(), shares[positive:].sum())
    return min(1.0, float(p)), int(np.sign(2 * positive - total))


def _treatments(found: Pairs, worst_end: bool) -> Iterator[tuple[float, int]]:
    certain = tuple(each for each in found.failed if each.certain)
    for failed in dict.fromkeys((certain, found.failed)):
        if failed:
            differences, leads = _differences(found), _leads(failed)
            yield from (signed_ranks(differences, end * leads) for end in ((1,) if worst_end else (1, -1)))
        else:
            yield _without(found)


def _without(found: Pairs) -> tuple[float, int]:
    """Test only the pairs of scores."""
    if len(found.seeds) < 2:
        return 1.0, 0
    return p_different(found), int(np.sign(found.differences.mean()))


def _differences(found: Pairs) -> Array:
    """Return the differences, with 0 for those due to rounding."""
    scale = max(np.abs(found.arm).max(initial=0.0), np.abs(found.baseline).max(initial=0.0)) or 1.0
    return np.asarray(np.round(found.differences / scale, _DIGITS))


def _leads(failed: tuple[FailedSeed, ...]) -> Array:
    return np.array([each.baseline - each.arm for each in failed], dtype=float)
