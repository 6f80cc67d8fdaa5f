"""Contrasts of a study and the families in which their p values are adjusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from statsmodels.stats.multitest import fdrcorrection

from analysis.stats.twins import find_twins
from analysis.study import find_baselines
from harness.records import CONTROL_AXIS, CONTROL_OFF

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from analysis.stats.estimates import Array
    from harness.records import Study


def adjust_p_values(values: Sequence[float], family: Family, size: int) -> list[float]:
    """Return the p values of a family, adjusted for multiple testing.

    Args:
        values: The p values of the tests that have a result.
        family: Selects the method: Holm for "primary", Benjamini-Hochberg for "exploratory", none for "control".
        size: Number of declared tests. Those without a result count with p = 1.

    Returns:
        The adjusted p values, in the order of ``values``.

    """
    if family == "control" or not values:
        return list(values)
    filled = np.array([*values, *(1.0 for _ in range(size - len(values)))])
    found = holm(filled) if family == "primary" else fdrcorrection(filled)[1]
    return [float(value) for value in found[: len(values)]]


def holm(values: Array) -> Array:
    """Return the p values (m,) adjusted by Holm's method (Scand. J. Statist. 6 (1979) 65).

    The adjusted value of rank i is the largest (m - j) p_(j) for j = 0 to i, at most 1. The result equals
    ``multipletests`` of statsmodels, which runs the garbage collector in every call.
    """
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    return np.minimum(stepped, 1.0)[np.argsort(order, kind="stable")]


Family = Literal["primary", "exploratory", "control"]


@dataclass(frozen=True, slots=True)
class Contrast:
    """A comparison of a cell (the arm) with its baseline, paired by seed."""

    arm: int  # index in Study.cells
    baseline: int
    family: Family
    metric: str  # the study's metric, or that of the control


def list_contrasts(study: Study, ran: Collection[int] = ()) -> tuple[Contrast, ...]:
    """Return a contrast for every cell that has another cell as its baseline, in study order.

    If the study runs equivalent cells once, a baseline that is a twin is replaced by the cell that ran for it. A
    baseline in ``ran`` is never replaced.
    """
    twins = find_twins(study) if study.once else {}
    found = {
        arm: twins[back].of if back in twins and back not in ran else back
        for arm, back in find_baselines(study).items()
        if arm != back
    }
    return tuple(
        Contrast(arm, back, _family(study, study.cells[arm]), _metric(study, study.cells[arm]))
        for arm, back in found.items()
        if arm != back
    )


def _family(study: Study, labels: Mapping[str, str]) -> Family:
    if labels.get(CONTROL_AXIS, CONTROL_OFF) != CONTROL_OFF:
        return "control"
    if study.primary is None or any(_inside(labels, part) for part in study.primary):
        return "primary"
    return "exploratory"


def _inside(labels: Mapping[str, str], part: Mapping[str, tuple[str, ...]]) -> bool:
    return all(labels.get(axis) in allowed for axis, allowed in part.items())


def _metric(study: Study, labels: Mapping[str, str]) -> str:
    metrics = {control.name: control.metric for control in study.controls}
    return metrics.get(labels.get(CONTROL_AXIS, CONTROL_OFF), study.metric)
