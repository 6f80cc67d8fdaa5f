"""Is a difference real, and is it small? Paired Student t and two one-sided tests over training seeds.

Where all pairs differ by the same amount, the deviation is zero and t says nothing; the exact sign-flip test takes
its place. It is the smallest p that n pairs can give without an assumption on their distribution: 2 / 2**n for a
difference, 1 / 2**n for one side of an equivalence test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from statsmodels.stats.weightstats import DescrStatsW

from analysis.inference.pairs import ROUNDING

if TYPE_CHECKING:
    from analysis.inference.pairs import Pairs


def p_different(found: Pairs) -> float:
    """Two-sided p of no mean difference (paired t, n - 1 degrees of freedom), from two pairs or more."""
    if found.level:
        return 2.0 ** (1 - len(found.seeds)) if _mean(found) else 1.0
    return float(DescrStatsW(found.differences).ttest_mean(0.0)[1])


def p_equivalent(found: Pairs, margin: float) -> float:
    """P of a mean difference of at least ``margin`` in size: the larger of two one-sided tests (TOST).

    Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987) 657.
    """
    if found.level:
        return 2.0 ** -len(found.seeds) if abs(_mean(found)) < margin else 1.0
    return float(DescrStatsW(found.differences).ttost_mean(-margin, margin)[0])


def _mean(found: Pairs) -> float:
    """Zero where nothing but rounding is left of it."""
    mean, scale = float(found.differences.mean()), float(np.abs(found.arm).max())
    return mean if abs(mean) > ROUNDING * scale else 0.0
