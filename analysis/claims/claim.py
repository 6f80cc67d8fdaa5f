"""A claim of a paper as data: the cells it compares, the metric, the expectation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypedDict, Unpack

from analysis.curves.equal_cost import clock
from analysis.stats.twins import twins_of
from analysis.study.layout import words
from harness.records.record import CONTROL, OFF

if TYPE_CHECKING:
    from collections.abc import Collection

    from harness.records.record import Study


Labels = Mapping[str, str]  # axis -> label, by role
Expect = Literal["more", "less", "no more", "no less", "same"]
Source = Literal["paper", "notes", "summary"]

# Where a sentence stands. Tables print these words.
SOURCES: Final[Mapping[Source, str]] = {
    "paper": "paper",
    "notes": "second-hand",
    "summary": "popular summary",
}


@dataclass(frozen=True, slots=True)
class ClaimTerm:
    """A cell with its weight in a part's number."""

    weight: float
    at: Labels


@dataclass(frozen=True, slots=True)
class Quoted:
    """A number that somebody printed, or a range; ``tolerance`` is what still counts as the same."""

    low: float
    high: float
    tolerance: float


@dataclass(frozen=True, slots=True)
class ClaimPart:
    """One number a seed, and what is said of it."""

    says: str  # the place and the comparison, for people
    terms: tuple[ClaimTerm, ...]
    expect: Expect | Quoted
    metric: str = ""  # a score, a role of one, or a derived one (``derived.py``); empty: the study's own
    less: str = ""  # a score of the same run that is taken off first
    ratio: bool = False  # the terms are logarithms of the metric: a ratio of two cells, not a difference
    beyond: bool = False  # a place that the paper did not run


class ClaimOptions(TypedDict, total=False):
    """Fields of a part that most leave as they are."""

    metric: str
    less: str
    ratio: bool
    beyond: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence with the parts that make it true: all of them."""

    id: str  # "T4.base"; its family is what stands before the point
    title: str  # of the takeaway, a few words
    sentence: str  # ours
    source: Source
    stands: str  # where in the source
    studies: tuple[str, ...]  # grids that hold the cells; the first with runs of a part judges it
    parts: tuple[ClaimPart, ...]
    profiles: tuple[str, ...] = ()  # which profiles can tell; empty: all
    why_not: str = ""  # why no run can judge it, or no other profile

    @property
    def family(self) -> str:
        """The claims that share one family of tests: "T4", "R", "S", "C"."""
        return self.id.partition(".")[0]


def gap(axis: str, arm: str, base: str, where: Labels) -> tuple[ClaimTerm, ...]:
    """Arm minus base at one place."""
    return ClaimTerm(1.0, {**where, axis: arm}), ClaimTerm(-1.0, {**where, axis: base})


def change_of_gap(axis: str, arm: str, base: str, at: Labels, than: Labels) -> tuple[ClaimTerm, ...]:
    """How much larger the gap is ``at`` one place ``than`` at another: a two-way interaction."""
    return (*gap(axis, arm, base, at), *(ClaimTerm(-term.weight, term.at) for term in gap(axis, arm, base, than)))


def trend(axis: str, labels: tuple[str, ...], where: Labels) -> tuple[ClaimTerm, ...]:
    """What a straight line through equally spaced labels gains from the first to the last, in the metric's unit.

    The least-squares slope is sum_i x_i y_i / sum_i x_i^2 with centred places x_i; the line spans k - 1 of them.
    """
    k = len(labels)
    places = [index - (k - 1) / 2 for index in range(k)]
    scale = (k - 1) / sum(place**2 for place in places)
    return tuple(ClaimTerm(scale * place, {**where, axis: label}) for place, label in zip(places, labels, strict=True))


def level(where: Labels) -> tuple[ClaimTerm, ...]:
    """The metric itself."""
    return (ClaimTerm(1.0, where),)


def compared(
    axis: str, arm: str, base: str, where: Labels, expect: Expect | Quoted = "more", **options: Unpack[ClaimOptions]
) -> ClaimPart:
    """A part that compares two labels of an axis at one place."""
    return ClaimPart(f"{at(where)}: {arm} against {base}", gap(axis, arm, base, where), expect, **options)


def at(where: Labels) -> str:
    """A place in words."""
    return ", ".join(where.values())


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
