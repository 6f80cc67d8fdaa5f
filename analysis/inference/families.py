"""P values among others: Holm for what a grid declares, Benjamini-Hochberg for the rest, as they are for controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from statsmodels.stats.multitest import fdrcorrection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.inference.contrast import Family
    from analysis.inference.pairs import Array


def adjusted(values: Sequence[float], family: Family, size: int) -> list[float]:
    """P values adjusted within a family of ``size`` declared tests; those without a result count with p = 1."""
    if family == "control" or not values:
        return list(values)
    filled = np.array([*values, *(1.0 for _ in range(size - len(values)))])
    found = holm(filled) if family == "primary" else fdrcorrection(filled)[1]
    return [float(value) for value in found[: len(values)]]


def holm(values: Array) -> Array:
    """Adjusted p values (m,): the largest of (m - j) p_(j), j = 0, 1, ..., up to each one's place, at most 1.

    Holm, Scand. J. Statist. 6 (1979) 65. As ``multipletests`` of statsmodels, which collects garbage at every call.
    """
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    return np.minimum(stepped, 1.0)[np.argsort(order, kind="stable")]
