"""Which cells of a study form a factorial design: a full cross of its varied axes, or a fraction of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from harness.records import CONTROL, OFF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.records import Study

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
