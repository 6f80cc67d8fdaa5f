"""Contrasts of a study and the families in which their p values are adjusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from statsmodels.stats.multitest import fdrcorrection

from analysis.stats.twins import twins_of
from analysis.study.layout import baselines
from harness.records.record import CONTROL, OFF

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from analysis.stats.bootstrap import Array
    from harness.records.record import Study


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


Family = Literal["primary", "exploratory", "control"]


@dataclass(frozen=True, slots=True)
class Contrast:
    """A cell beside its baseline, seed by seed."""

    arm: int  # place in Study.cells
    baseline: int
    family: Family
    metric: str  # the study's, or the control's own


def contrasts(study: Study, ran: Collection[int] = ()) -> tuple[Contrast, ...]:
    """Every cell that has another cell as its baseline, in the study's order.

    Where twins run once, a baseline that is a twin gives way to the cell that ran for it, unless it is in ``ran``.
    """
    twins = twins_of(study) if study.once else {}
    found = {
        arm: twins[back].of if back in twins and back not in ran else back
        for arm, back in baselines(study).items()
        if arm != back
    }
    return tuple(
        Contrast(arm, back, _family(study, study.cells[arm]), _metric(study, study.cells[arm]))
        for arm, back in found.items()
        if arm != back
    )


def _family(study: Study, labels: Mapping[str, str]) -> Family:
    if labels.get(CONTROL, OFF) != OFF:
        return "control"
    if study.primary is None or any(_inside(labels, part) for part in study.primary):
        return "primary"
    return "exploratory"


def _inside(labels: Mapping[str, str], part: Mapping[str, tuple[str, ...]]) -> bool:
    return all(labels.get(axis) in allowed for axis, allowed in part.items())


def _metric(study: Study, labels: Mapping[str, str]) -> str:
    metrics = {control.name: control.metric for control in study.controls}
    return metrics.get(labels.get(CONTROL, OFF), study.metric)
