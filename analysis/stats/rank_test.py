"""Exact test of pairs with failed runs: Wilcoxon's signed ranks, failures ranked last.

A run that failed for a reason of its arm is the worst outcome. Its pair differs by more than every pair of two scores
(worst-rank analysis, Lachin, Control. Clin. Trials 20 (1999) 408). A seed for which both sides failed is a tie, and
ties are left out. Under the null hypothesis the outcomes of a pair, failures included, are exchangeable. So all signs
of the ranks are equally likely: p is exact given the ranks, without a distributional assumption.

A failure may allow two treatments. The largest p counts if all treatments lean the same way:

- The reason of a failure is not known. The run counts as the worst outcome, and as missing at random.
- The score has no worst end, such as a length or a cost. A failure ranks last at one end, and at the other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import rankdata

from analysis.stats.paired_test import p_different

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.stats.bootstrap import Array
    from analysis.stats.contrasts import Contrast
    from analysis.stats.paired_test import FailedSeed, Pairs

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
