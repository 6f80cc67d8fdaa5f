"""The content of a table of the paper: our columns, followed by those of the paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.paper.layout import Setting, View
from analysis.paper.numbers import Reading
from analysis.study.layout import sort_key
from analysis.tables.scores import Column, Entry, MissingScore

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


BASIS: Final = (
    Column("paper precision", "the paper: precision", "mark"),
    Column("paper source", "the paper: source", "mark"),
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity of the paper that has a column."""

    name: str
    title: str
    benchmark: str = ""


NO_NUMBER: Final = Quantity("", "the paper")  # for figures whose numbers cannot be recovered


@dataclass(frozen=True, slots=True)
class TablePlace:
    """A cell and its position in the figure."""

    view: View
    setting: Setting
    arm: str
    cell: int

    def reading(self, quantity: str, benchmark: str = "") -> Reading | None:
        """Return the paper's number for the cell; None if there is none."""
        return self.view.reading(self.setting, quantity, self.arm, benchmark)


@dataclass(frozen=True, slots=True)
class ContentRow:
    """A row: our entries, and the paper's number for each of its columns."""

    ours: tuple[Entry, ...]
    paper: tuple[Reading | None, ...] = (None,)


@dataclass(frozen=True, slots=True)
class Content:
    """Columns, rows and notes of a table, and the numbers of the paper that it contains."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Entry, ...], ...]
    quantities: frozenset[str]  # quantities of the paper that have a column
    placed: frozenset[Reading]
    notes: tuple[str, ...] = ()


def build_content(
    ours: Iterable[Column],
    paper: Sequence[Quantity],
    lines: Iterable[ContentRow],
    *notes: str,
    quantities: Iterable[str] = (),
) -> Content:
    """Return a table with the paper's columns to the right of ours.

    Args:
        ours: Our columns.
        paper: The quantities of the paper, one for each of its columns.
        lines: The rows.
        notes: Notes on the columns.
        quantities: Names of the quantities in the table; by default those of ``paper``.

    """
    kept = tuple(lines)
    block = [Column(f"paper {each.name}".strip(), each.title, "number") for each in paper]
    return Content(
        (*ours, *block, *BASIS),
        tuple((*line.ours, *_block(line.paper)) for line in kept),
        frozenset(quantities) or frozenset(each.name for each in paper),
        frozenset(reading for line in kept for reading in line.paper if reading),
        notes,
    )


def _block(found: Sequence[Reading | None]) -> tuple[Entry, ...]:
    known = [reading for reading in found if reading]
    precision = "; ".join(dict.fromkeys(reading.precision for reading in known))
    source = "; ".join(dict.fromkeys(reading.source for reading in known))
    return (
        *(reading.text if reading else MissingScore() for reading in found),
        precision or MissingScore(),
        source or MissingScore(),
    )


def list_places(views: Sequence[View]) -> list[TablePlace]:
    """Return every cell of the figure once, in the order of the grids."""
    found: dict[tuple[str, tuple[int, ...]], TablePlace] = {}
    for view in views:
        for setting in view.settings:
            for arm, cell in setting.arms.items():
                study = setting.source.study
                found.setdefault((study.name, sort_key(study, study.cells[cell])), TablePlace(view, setting, arm, cell))
    grids = list(dict.fromkeys(name for name, _ in found))
    return [found[key] for key in sorted(found, key=lambda key: (grids.index(key[0]), key[1]))]


def label_axes(views: Sequence[View]) -> list[str]:
    """Return the axes that identify a cell, in the order of the parts."""
    named = (axis for view in views for setting in view.settings for axis in (*setting.labels, *view.axes))
    return list(dict.fromkeys(named))


def label_columns(axes: Sequence[str], *more: str) -> list[Column]:
    """Return the columns of the axes, followed by further columns of words."""
    return [Column(name, name, "label") for name in (*axes, *more)]


def label_entries(axes: Sequence[str], place: TablePlace) -> tuple[str, ...]:
    """Return the labels of a cell on the axes; empty where it has none."""
    known = place.setting.source.study.cells[place.cell]
    return tuple(known.get(axis, "") for axis in axes)
