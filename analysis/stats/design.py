"""Factorial designs: their cells, terms and aliases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, product
from math import prod
from typing import TYPE_CHECKING

from harness.records.record import CONTROL, OFF

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.records.record import Study

    Points = Mapping[tuple[str, ...], int]  # labels of the axes, in their order -> cell


@dataclass(frozen=True, slots=True)
class Design:
    """The points of a design, as cells of the study. Controls are no part of it."""

    levels: Mapping[str, tuple[str, ...]]  # axis -> its labels; the first is what the others are compared with
    words: tuple[tuple[str, ...], ...]  # defining words of a fraction; none of a full cross
    cells: tuple[int, ...]  # places in Study.cells; none where points of a fraction are not planned
    left_out: tuple[int, ...]  # planned cells that would make the cross incomplete
    absent: tuple[Mapping[str, str], ...] = ()  # points of a fraction that are not planned


def design(study: Study) -> Design | None:
    """The design of a study; None below two varied axes, or where most planned cells are in no common cross.

    Where a grid leaves points out, labels are dropped until the rest is a full cross: an effect would else be a mean
    over different cells on its two sides. A fraction lacks points on purpose, and is read as a whole or not at all.
    """
    members = [cell for cell, labels in enumerate(study.cells) if labels.get(CONTROL, OFF) == OFF]
    levels = _levels(study, members)
    points = {tuple(study.cells[cell][axis] for axis in levels): cell for cell in members}
    if len(levels) < 2:
        return None
    return _fraction(study, levels, points) if study.fraction else _cross(levels, points)


def _levels(study: Study, members: Sequence[int]) -> dict[str, tuple[str, ...]]:
    """The varied axes with their labels in the grid's order, that of the baseline first; in a fraction as they are."""
    used = {axis: {study.cells[cell][axis] for cell in members} for axis in study.axes if axis != CONTROL}
    return {
        axis: tuple(
            sorted(
                (label for label in study.axes[axis] if label in labels),
                key=lambda label: not study.fraction and label != study.baseline.get(axis, label),
            )
        )
        for axis, labels in used.items()
        if len(labels) > 1
    }


def _fraction(study: Study, levels: Mapping[str, tuple[str, ...]], points: Points) -> Design:
    """Signs as in the grid: -1 for an axis' first label, +1 for its second."""
    wanted = [point for point in product(*levels.values()) if _belongs(dict(zip(levels, point, strict=True)), study)]
    absent = tuple(dict(zip(levels, point, strict=True)) for point in wanted if point not in points)
    return Design(levels, study.fraction, () if absent else tuple(points[point] for point in wanted), (), absent)


def _belongs(labels: Mapping[str, str], study: Study) -> bool:
    return all(prod(2 * study.axes[axis].index(labels[axis]) - 1 for axis in word) == 1 for word in study.fraction)


def _cross(levels: Mapping[str, tuple[str, ...]], points: Points) -> Design | None:
    kept = dict(levels)
    while absent := [point for point in product(*kept.values()) if point not in points]:
        axis, label = _worst(kept, absent)
        kept[axis] = tuple(other for other in kept[axis] if other != label)
    cells = tuple(points[point] for point in product(*kept.values()))
    varied = {axis: labels for axis, labels in kept.items() if len(labels) > 1}
    if len(varied) < 2 or 2 * len(cells) < len(points):
        return None
    return Design(varied, (), cells, tuple(sorted({*points.values()} - {*cells})))


def _worst(levels: Mapping[str, tuple[str, ...]], absent: Sequence[tuple[str, ...]]) -> tuple[str, str]:
    """The label with the largest share of absent points; of equals the last, so that a baseline stays."""
    size = prod(len(labels) for labels in levels.values())
    shares = {
        (axis, label): sum(point[place] == label for point in absent) * len(labels) / size
        for place, (axis, labels) in enumerate(levels.items())
        for label in labels
    }
    return max(reversed(shares), key=lambda level: shares[level])


@dataclass(frozen=True, slots=True)
class FactorStep:
    """From one label of an axis to another."""

    axis: str
    label: str
    base: str

    def __str__(self) -> str:
        return f"{self.axis}: {self.label} minus {self.base}"


@dataclass(frozen=True, slots=True)
class Term:
    """One step: a main effect. Two: by how much the second changes the effect of the first."""

    steps: tuple[FactorStep, ...]

    @property
    def axes(self) -> frozenset[str]:
        """The axes that it is about."""
        return frozenset(step.axis for step in self.steps)

    def sign(self, labels: Mapping[str, str]) -> int:
        """Of a cell: 0 where its labels are neither end of a step."""
        return prod((labels[step.axis] == step.label) - (labels[step.axis] == step.base) for step in self.steps)

    def __str__(self) -> str:
        return str(self.steps[0]) if len(self.steps) == 1 else " x ".join(f"({step})" for step in self.steps)


def terms(found: Design) -> tuple[Term, ...]:
    """Main effects, then interactions; of those that a fraction cannot tell apart, the first."""
    steps = {
        axis: [FactorStep(axis, label, base) for label in others] for axis, (base, *others) in found.levels.items()
    }
    mains = [Term((step,)) for axis in steps for step in steps[axis]]
    pairs = [Term(both) for one, other in combinations(steps, 2) for both in product(steps[one], steps[other])]
    return tuple(_told_apart([*mains, *pairs], found))


def aliases(term: Term, found: Design) -> tuple[str, ...]:
    """The other main effects and two-way interactions that a term stands for as well, by their axes."""
    group = _group(found.words)
    wanted = [*combinations(found.levels, 1), *combinations(found.levels, 2)]
    return tuple(" x ".join(axes) for axes in wanted if term.axes ^ frozenset(axes) in group)


def resolution(words: Sequence[Sequence[str]]) -> int:
    """Length of the shortest word: at III main effects are aliased with interactions of two, at IV these are."""
    return min(len(word) for word in _group(words))


def _told_apart(candidates: Sequence[Term], found: Design) -> Iterator[Term]:
    group, taken = _group(found.words), list[Term]()
    for term in candidates:
        constant = term.axes in group  # its sign is +1 everywhere
        if not constant and not any(term.axes ^ other.axes in group for other in taken):
            taken.append(term)
            yield term


def _group(words: Sequence[Sequence[str]]) -> set[frozenset[str]]:
    """All products of one or more defining words."""
    found: set[frozenset[str]] = {frozenset()}
    for word in words:
        found |= {known ^ frozenset(word) for known in found}
    return found - {frozenset()}
