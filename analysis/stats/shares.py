"""Interval of a share."""

from __future__ import annotations

from scipy.stats import binomtest


def wilson_interval(part: int, whole: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share; [0, 1] where nothing was counted."""
    if not whole:
        return 0.0, 1.0
    found = binomtest(part, whole).proportion_ci(method="wilson")
    return float(found.low), float(found.high)
