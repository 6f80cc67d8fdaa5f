"""P values among others: Holm for what a grid declares, Benjamini-Hochberg for the rest, as they are for controls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from statsmodels.stats.multitest import multipletests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.inference.contrast import Family

_METHODS: Final[dict[Family, str]] = {"primary": "holm", "exploratory": "fdr_bh"}


def adjusted(values: Sequence[float], family: Family, size: int) -> list[float]:
    """P values adjusted within a family of ``size`` declared tests; those without a result count with p = 1."""
    if family not in _METHODS or not values:
        return list(values)
    filled = [*values, *(1.0 for _ in range(size - len(values)))]
    return [float(value) for value in multipletests(filled, method=_METHODS[family])[1][: len(values)]]
