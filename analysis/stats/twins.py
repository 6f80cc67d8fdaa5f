"""Twins: cells that cannot differ, which cell runs for which, and notes about them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.stats.estimates import estimate_difference, format_gap
from analysis.study import name_cell
from harness.common import join_limited

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from analysis.stats.estimates import Estimate
    from harness.records import Study

    Scores = Mapping[int, Mapping[int, float]]  # cell -> seed -> score


@dataclass(frozen=True, slots=True)
class Twin:
    """A cell that is a twin of another."""

    cell: int
    of: int  # the first cell of its class
    because: str


def find_twins(study: Study) -> dict[int, Twin]:
    """Return each twin by its cell. The first cell of a class is not a twin."""
    places = {frozenset(labels.items()): cell for cell, labels in enumerate(study.cells)}
    found: dict[int, Twin] = {}
    for number, members in enumerate(study.twins):
        first, *others = (places.get(frozenset(labels.items())) for labels in members)
        reasons = study.because[number] if number < len(study.because) else ("",) * len(others)
        for cell, because in zip(others, reasons, strict=True):
            if first is not None and cell is not None:
                found[cell] = Twin(cell, first, because)
    return found


def list_twin_notes(study: Study, by_cell: Scores, axes: Sequence[str]) -> Iterator[str]:
    """Yield notes about the differences between twins, and about twins that did not run.

    Args:
        study: The study.
        by_cell: Cell -> seed -> score of the deciding metric.
        axes: The axes that name a cell.

    """
    found = find_twins(study).values()
    same = [twin for twin in found if study.cell_ids[twin.cell] == study.cell_ids[twin.of]]
    other = [twin for twin in found if twin not in same]
    yield from _control(study, [twin for twin in other if by_cell.get(twin.cell)], by_cell, axes)
    if same:
        yield f"The same settings in effect, and so the same runs: {join_limited(_equated(study, same, axes))}."
    left_out = [twin for twin in other if study.once and not by_cell.get(twin.cell)]
    if left_out:
        texts = [f"{join_limited(_equated(study, group, axes))} ({why})" for why, group in _by_reason(left_out).items()]
        yield f"Not run, as twins of rows that are: {join_limited(texts)}."


def _control(study: Study, ran: Sequence[Twin], by_cell: Scores, axes: Sequence[str]) -> Iterator[str]:
    gaps: list[tuple[Twin, Estimate]] = []
    for twin in ran:
        if found := estimate_difference(by_cell[twin.cell], by_cell.get(twin.of, {})):
            gaps.append((twin, found))
    if not gaps:
        return
    texts = [f"{_apart(study, twin, axes)} {format_gap(found, 3)}" for twin, found in gaps]
    reasons = [because for because in _by_reason([twin for twin, _ in gaps]) if because]
    yield (
        "A/A control: twins are cells whose training signal cannot differ, so what lies between them is rounding, "
        f"at most {max(abs(found.mean) for _, found in gaps):.3f} here; the spread over seeds is in the intervals. "
        f"{join_limited(texts)}.{f' Why: {join_limited(reasons)}.' if reasons else ''}"
    )


def _by_reason(found: Sequence[Twin]) -> dict[str, list[Twin]]:
    reasons: dict[str, list[Twin]] = defaultdict(list)
    for twin in found:
        reasons[twin.because].append(twin)
    return reasons


def _equated(study: Study, found: Sequence[Twin], axes: Sequence[str]) -> list[str]:
    return [f"{name_cell(axes, study.cells[twin.cell])} as {_other(study, twin)}" for twin in found]


def _other(study: Study, twin: Twin) -> str:
    """Return the labels of the first cell that differ from the twin's."""
    first, own = study.cells[twin.of], study.cells[twin.cell]
    return ", ".join(label for axis, label in first.items() if own[axis] != label)


def _apart(study: Study, twin: Twin, axes: Sequence[str]) -> str:
    """Format a pair of twins as ``group, medium: plus_minus_one minus zero_one``."""
    one, other = study.cells[twin.cell], study.cells[twin.of]
    shared = ", ".join(one[axis] for axis in axes if one[axis] == other[axis])
    sides = (", ".join(labels[axis] for axis in axes if one[axis] != other[axis]) for labels in (one, other))
    return f"{shared}: {' minus '.join(sides)}" if shared else " minus ".join(sides)


def format_twin(study: Study, twin: Twin) -> str:
    """Format a twin as ``twin of zero_one``."""
    return f"twin of {_other(study, twin)}"
