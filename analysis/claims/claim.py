"""A claim of a paper as data: the compared cells, the metric and the expectation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypedDict, Unpack

from analysis.curves import choose_clock
from analysis.stats import find_twins
from analysis.study import format_labels
from harness.records import CONTROL_AXIS, CONTROL_OFF

if TYPE_CHECKING:
    from collections.abc import Collection

    from harness.records import Study


Labels = Mapping[str, str]  # axis -> role of a label
Expect = Literal["more", "less", "no more", "no less", "same"]
Source = Literal["paper", "notes", "summary"]

# The kind of source. Tables print these words.
SOURCES: Final[Mapping[Source, str]] = {
    "paper": "paper",
    "notes": "second-hand",
    "summary": "popular summary",
}


@dataclass(frozen=True, slots=True)
class ClaimTerm:
    """A cell and its weight in the number of a claim part."""

    weight: float
    at: Labels


@dataclass(frozen=True, slots=True)
class Quoted:
    """A published number or range; ``tolerance`` is the deviation that still counts as equal."""

    low: float
    high: float
    tolerance: float


@dataclass(frozen=True, slots=True)
class ClaimPart:
    """One statement of a claim: a linear combination of cells and what is expected of it."""

    says: str  # the setting and the comparison, for people
    terms: tuple[ClaimTerm, ...]
    expect: Expect | Quoted
    metric: str = ""  # a score, a role, or a derived score (``evidence.py``); empty: the study's metric
    less: str = ""  # a score of the same run that is subtracted first
    ratio: bool = False  # the terms are logarithms of the metric: a ratio of two cells, not a difference
    beyond: bool = False  # a setting that the paper did not run


class ClaimOptions(TypedDict, total=False):
    """Optional fields of a claim part."""

    metric: str
    less: str
    ratio: bool
    beyond: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence and its parts, which must all hold."""

    id: str  # such as "T4.base"; the family is the part before the dot
    title: str  # short title of the takeaway
    sentence: str  # in our words
    source: Source
    stands: str  # the place in the source
    studies: tuple[str, ...]  # grids with the cells; the first one with runs is used
    parts: tuple[ClaimPart, ...]
    profiles: tuple[str, ...] = ()  # profiles that can test the claim; empty: all
    why_not: str = ""  # why no run, or no other profile, can test it

    @property
    def family(self) -> str:
        """The family of tests of the claim: "T4", "R", "S" or "C"."""
        return self.id.partition(".")[0]


def difference_terms(axis: str, arm: str, base: str, where: Labels) -> tuple[ClaimTerm, ...]:
    """Return the terms of a difference in one setting: arm minus base.

    Args:
        axis: The axis on which they differ.
        arm: Label of the arm.
        base: Label of the base.
        where: Labels of the setting.

    """
    return ClaimTerm(1.0, {**where, axis: arm}), ClaimTerm(-1.0, {**where, axis: base})


def interaction_terms(axis: str, arm: str, base: str, at: Labels, than: Labels) -> tuple[ClaimTerm, ...]:
    """Return the terms of a two-way interaction: the gap in one setting minus that in another.

    Args:
        axis: The axis on which the gap is measured.
        arm: Label of the arm.
        base: Label of the base.
        at: Labels of the setting with the larger expected gap.
        than: Labels of the other setting.

    """
    return (
        *difference_terms(axis, arm, base, at),
        *(ClaimTerm(-term.weight, term.at) for term in difference_terms(axis, arm, base, than)),
    )


def trend_terms(axis: str, labels: tuple[str, ...], where: Labels) -> tuple[ClaimTerm, ...]:
    """Return the terms of a linear trend over equally spaced labels.

    The number is the rise of the least-squares line from the first to the last label, in the metric's unit. The slope
    is sum_i x_i y_i / sum_i x_i^2 with centered positions x_i. The line spans k - 1 of them.

    Args:
        axis: The axis of the labels.
        labels: The k labels, in order.
        where: Labels of the setting.

    """
    k = len(labels)
    places = [index - (k - 1) / 2 for index in range(k)]
    scale = (k - 1) / sum(place**2 for place in places)
    return tuple(ClaimTerm(scale * place, {**where, axis: label}) for place, label in zip(places, labels, strict=True))


def level_terms(where: Labels) -> tuple[ClaimTerm, ...]:
    """Return the term of the metric itself in one setting."""
    return (ClaimTerm(1.0, where),)


def compare_labels(
    axis: str, arm: str, base: str, where: Labels, expect: Expect | Quoted = "more", **options: Unpack[ClaimOptions]
) -> ClaimPart:
    """Return a part that compares two labels of an axis in one setting.

    Args:
        axis: The axis on which they differ.
        arm: Label of the arm.
        base: Label of the base.
        where: Labels of the setting.
        expect: The expected direction, or a quoted number.
        options: Optional fields of the part.

    """
    return ClaimPart(
        f"{format_setting(where)}: {arm} against {base}", difference_terms(axis, arm, base, where), expect, **options
    )


def format_setting(where: Labels) -> str:
    """Return a setting in words."""
    return ", ".join(where.values())


# Role -> labels that play it: the laptop's, then the paper's.
ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "small_base": ("small_base", "qwen3_4b_base"),
    "large_base": ("large_base", "qwen3_8b_base"),
    "small_aligned": ("small_aligned", "qwen3_4b"),
    "large_aligned": ("large_aligned", "qwen3_8b"),
}
STEP_SECONDS: Final = "step seconds"  # a metric role


class AbsentError(LookupError):
    """A study has no such cell; the message gives the reason."""


def find_label(study: Study, axis: str, role: str) -> str:
    """Return the label on the axis that plays the role.

    Models are found by name, response lengths by their position on the axis.

    Args:
        study: The study.
        axis: The axis.
        role: The role, such as "small_base" or "longest".

    Raises:
        AbsentError: No label plays the role.

    """
    names = study.axes[axis]
    places = {"shortest": names[:1], "longest": names[-1:], "middle": names[1:-1] if len(names) == 3 else ()}
    found = [name for name in places.get(role, ROLES.get(role, (role,))) if name in names]
    if not found:
        raise AbsentError(f"{study.name} has no {role} on the axis {axis}")
    return found[0]


def find_metric(study: Study, role: str) -> str:
    """Return the metric that plays the role; an empty role means the study's metric."""
    return f"mean({choose_clock(study)})" if role == STEP_SECONDS else role or study.metric


def find_cell(study: Study, at: Labels, ran: Collection[int]) -> int:
    """Return the cell at these roles, or the twin that ran for it.

    An axis that the claim does not name has the baseline's label, or its only one. Controls are off.

    Args:
        study: The study.
        at: Axis -> role.
        ran: The cells with runs.

    Raises:
        AbsentError: The study plans no such cell, or several.

    """
    if unknown := [axis for axis in at if axis not in study.axes]:
        raise AbsentError(f"{study.name} has no axis {unknown[0]}")
    wanted = {
        CONTROL_AXIS: CONTROL_OFF,
        **study.baseline,
        **{axis: find_label(study, axis, role) for axis, role in at.items()},
    }
    found = [place for place, labels in enumerate(study.cells) if _agrees(labels, wanted)]
    if len(found) != 1:
        named = format_labels(
            {axis: name for axis, name in wanted.items() if axis in study.axes and axis != CONTROL_AXIS}
        )
        raise AbsentError(f"{study.name} {'plans several cells' if found else 'plans no cell'} with {named}")
    twins = find_twins(study) if study.once else {}
    return twins[found[0]].of if found[0] in twins and found[0] not in ran else found[0]


def _agrees(labels: Labels, wanted: Labels) -> bool:
    return all(wanted.get(axis, name) == name for axis, name in labels.items())
