"""The exact test of pairs in which runs failed: Wilcoxon's signed ranks with the failures last.

A run that failed for a reason of its arm is the worst outcome: its pair differs by more than every pair of two scores
(worst-rank analysis, Lachin, Control. Clin. Trials 20 (1999) 408). A seed under which both sides failed is a tie, and
ties are left out. Under the null hypothesis the outcomes of a pair, failures among them, may be exchanged, so every
sign of the ranks is as likely as the other: p is exact given the ranks, and nothing is assumed of distributions.

Two treatments of a failure may be possible, and then the largest p counts, where all of them lean the same way:

- The reason of a failure is not known. The run counts as the worst outcome, and as missing at random.
- The score has no worst end, such as a length or a cost. A failure is last at one end, and at the other.
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
    from analysis.stats.paired_test import Failed, Pairs

_DIGITS: Final = 11  # differences that agree to so many digits of the scores differ by rounding alone
_RISING: Final = re.compile(r"(.+/)?(accuracy|reward|score|(avg|pass|maj)@\d+)")  # scores of which more is better


def rises(metric: str) -> bool:
    """Tell whether more of a score is better: a share of right answers, a reward, or the score of one's own reward."""
    return _RISING.fullmatch(metric) is not None


def has_worst_end(contrast: Contrast) -> bool:
    """Tell whether a low score is a bad one, as of a score that rises and of a control, whose direction is declared."""
    return contrast.family == "control" or rises(contrast.metric)


def p_with_failures(found: Pairs, worst_end: bool) -> tuple[float, int]:
    """Return the two-sided p of no difference, and the sign of the arm's lead.

    Args:
        found: Pairs with at least one failure.
        worst_end: Whether a failure is below every score; it is judged at both ends if not.

    Returns:
        p in (0, 1], and +1, -1 or 0. p is 1 and the sign 0 where two treatments lean to different sides.

    """
    results = list(_treatments(found, worst_end))
    signs = {sign for _, sign in results}
    return (max(p for p, _ in results), signs.pop()) if len(signs) == 1 else (1.0, 0)


def signed_ranks(differences: Array, leads: Array) -> tuple[float, int]:
    """Return Wilcoxon's exact two-sided p of paired differences, and the sign of their lean.

    Args:
        differences: Of pairs of scores (n,), 0 where they tie.
        leads: Of pairs with a failure (m,): by how much more of the baseline failed than of the arm. Each ranks above
            all differences; 0 is a tie.

    Returns:
        p in (0, 1], and +1, -1 or 0. The mean rank is given to ties in size, and the distribution is that of all signs.

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
    """Test the pairs of scores alone."""
    if len(found.seeds) < 2:
        return 1.0, 0
    return p_different(found), int(np.sign(found.differences.mean()))


def _differences(found: Pairs) -> Array:
    """Return the differences, with 0 for those that are rounding."""
    scale = max(np.abs(found.arm).max(initial=0.0), np.abs(found.baseline).max(initial=0.0)) or 1.0
    return np.asarray(np.round(found.differences / scale, _DIGITS))


def _leads(failed: tuple[Failed, ...]) -> Array:
    return np.array([each.baseline - each.arm for each in failed], dtype=float)
