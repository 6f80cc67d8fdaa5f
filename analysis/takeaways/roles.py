"""From the roles of a claim to the cells of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.layout import words
from analysis.trajectory.course import clock
from analysis.twins import twins_of
from harness.records import CONTROL, OFF

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from analysis.takeaways.claim import Labels
    from harness.records import Study

# Labels that play a role: the laptop's, the paper's.
ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "small_base": ("small_base", "qwen3_4b_base"),
    "large_base": ("large_base", "qwen3_8b_base"),
    "small_aligned": ("small_aligned", "qwen3_4b"),
    "large_aligned": ("large_aligned", "qwen3_8b"),
}
STEP_SECONDS: Final = "step seconds"  # the role of a metric


class AbsentError(LookupError):
    """A study has no such cell; the message says why."""


def label(study: Study, axis: str, role: str) -> str:
    """The label on the axis that plays the role: a model by name, a length limit by its place."""
    names = study.axes[axis]
    places = {"shortest": names[:1], "longest": names[-1:], "middle": names[1:-1] if len(names) == 3 else ()}
    found = [name for name in places.get(role, ROLES.get(role, (role,))) if name in names]
    if not found:
        raise AbsentError(f"{study.name} has no {role} on the axis {axis}")
    return found[0]


def metric(study: Study, role: str) -> str:
    """The metric that plays the role; the study's own where a part names none."""
    return f"mean({clock(study)})" if role == STEP_SECONDS else role or study.metric


def cell(study: Study, at: Labels, ran: Collection[int]) -> int:
    """The cell at these roles, or the twin that ran for it. Raises AbsentError.

    An axis that the claim does not name has the baseline's label, or its only one; controls are off.
    """
    if unknown := [axis for axis in at if axis not in study.axes]:
        raise AbsentError(f"{study.name} has no axis {unknown[0]}")
    wanted = {CONTROL: OFF, **study.baseline, **{axis: label(study, axis, role) for axis, role in at.items()}}
    found = [place for place, labels in enumerate(study.cells) if _agrees(labels, wanted)]
    if len(found) != 1:
        named = words({axis: name for axis, name in wanted.items() if axis in study.axes and axis != CONTROL})
        raise AbsentError(f"{study.name} {'plans several cells' if found else 'plans no cell'} with {named}")
    twins = twins_of(study) if study.once else {}
    return twins[found[0]].of if found[0] in twins and found[0] not in ran else found[0]


def _agrees(labels: Labels, wanted: Labels) -> bool:
    return all(wanted.get(axis, name) == name for axis, name in labels.items())
