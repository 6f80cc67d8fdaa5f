"""What is compared with what, and in which family of tests: read from the study alone, before any result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from analysis.layout import baselines
from analysis.twins import twins_of
from harness.records import CONTROL, OFF

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from harness.records import Study

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
