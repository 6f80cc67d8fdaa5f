"""A table as the page shows it: every number with the id of its runs, and the ends of cells drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.frame import scores
from analysis.inference.contrast import contrasts
from analysis.render import TEXT, entry_text
from analysis.report.intervals import Drawing, Range, Ruler, drawing, ruler
from analysis.stats import Estimate, estimate
from analysis.tables import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from analysis.report.anchors import Trace
    from analysis.tables import Entry, Kind, Table
    from harness.records import Study

_GAP: Final = " difference"  # the end of the key of a column of differences


@dataclass(frozen=True, slots=True)
class Number:
    """A text of a table, and where it comes from."""

    text: str
    source: str = ""  # id of its lineage; empty where nothing ran
    detail: str = ""  # the rest of the reason of a dash


@dataclass(frozen=True, slots=True)
class Row:
    """The entries of all columns, and the cell's seeds on the scale that all rows share."""

    numbers: tuple[Number, ...]
    ends: Drawing | None = None


@dataclass(frozen=True, slots=True)
class Numbers:
    """A table of the page."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    ruler: Ruler | None = None  # of the drawings, where there are any
    at: int = -1  # the column after which they stand


def numbers(table: Table, study: Study, taken: pd.DataFrame, trace: Trace) -> Numbers:
    """Give every number of a study's table its lineage; ``taken``: the study's planned runs."""
    links = _Links(study, taken, trace)
    rows = (
        Row(links.row(row, table.columns, cell)) for row, cell in zip(table.rows, _cells(table, study), strict=True)
    )
    return Numbers(table.title, table.columns, tuple(rows), table.notes)


def drawn(table: Table, study: Study, taken: pd.DataFrame, trace: Trace) -> Numbers:
    """As ``numbers``, with the deciding score of every cell drawn: its seeds, mean and 95 % interval."""
    found = numbers(table, study, taken, trace)
    final = scores(taken, study.metric)
    ends = {cell: end for cell, by_seed in final.items() if (end := _range(by_seed))}
    on = ruler(list(ends.values()), differences=False)
    rows = (
        Row(row.numbers, drawing(ends[cell], on) if cell in ends else None)
        for row, cell in zip(found.rows, _cells(table, study), strict=True)
    )
    return Numbers(found.title, found.columns, tuple(rows), found.notes, on, _first(found.columns, "score"))


def plain(table: Table) -> Numbers:
    """A table whose numbers have no lineage on this page."""
    rows = (tuple(Number(entry_text(*pair)) for pair in zip(row, table.columns, strict=True)) for row in table.rows)
    return Numbers(table.title, table.columns, tuple(Row(row) for row in rows), table.notes)


def effects(table: Table, source: str) -> Numbers:
    """A table of differences, drawn; they are of many cells, so that all lead to one ``source``."""
    place, text = _first(table.columns, "gap"), plain(table)
    ranges = [_spread(row[place]) for row in table.rows]
    on = ruler([found for found in ranges if found], differences=True)
    rows = (
        Row(_led(row.numbers, entries, source), drawing(found, on) if found else None)
        for row, entries, found in zip(text.rows, table.rows, ranges, strict=True)
    )
    return Numbers(text.title, text.columns, tuple(rows), text.notes, on, place)


def _first(columns: Sequence[Column], kind: Kind) -> int:
    return next(place for place, column in enumerate(columns) if column.kind == kind)


def _spread(entry: Entry) -> Range | None:
    return Range(entry.mean, *entry.interval, ()) if isinstance(entry, Estimate) else None


def _led(numbers: Sequence[Number], entries: Sequence[Entry], source: str) -> tuple[Number, ...]:
    """Numbers with their source; words have none."""
    return tuple(
        Number(number.text, source) if isinstance(entry, Estimate) else number
        for number, entry in zip(numbers, entries, strict=True)
    )


class _Links:
    """From an entry of a study's table to the id of its lineage."""

    def __init__(self, study: Study, taken: pd.DataFrame, trace: Trace) -> None:
        ran = scores(taken, study.metric).keys()
        self._back = {contrast.arm: contrast.baseline for contrast in contrasts(study, ran)}
        self._known = {str(name) for name in taken}
        self._ran = set(taken["cell"])
        self._trace = trace

    def row(self, row: tuple[Entry, ...], columns: tuple[Column, ...], cell: int | None) -> tuple[Number, ...]:
        return tuple(self._numbers(row, columns, cell))

    def _numbers(self, row: tuple[Entry, ...], columns: tuple[Column, ...], cell: int | None) -> Iterator[Number]:
        pairs = list(zip(row, columns, strict=True))
        seeds = next((e.n for e, c in pairs if c.kind == "score" and isinstance(e, Estimate)), 0)
        for entry, column in pairs:
            detail = "" if isinstance(entry, str | Estimate) else entry.detail
            yield Number(entry_text(entry, column, seeds), self._source(entry, column, cell), detail)

    def _source(self, entry: Entry, column: Column, cell: int | None) -> str:
        if cell is None or cell not in self._ran or column.kind in TEXT or not isinstance(entry, Estimate):
            return ""
        name = column.key.removesuffix(_GAP)
        if name not in self._known:  # made of curves, or of several scores
            return self._trace.cell(cell)
        if column.kind == "gap":
            return self._trace.gap(cell, self._back[cell], name) if cell in self._back else ""
        return self._trace.score(cell, name)


def _range(by_seed: Mapping[int, float]) -> Range | None:
    found = estimate(by_seed.values())
    return Range(found.mean, *found.interval, tuple(by_seed[seed] for seed in sorted(by_seed))) if found else None


def _cells(table: Table, study: Study) -> list[int | None]:
    """The cell of every row by its labels; None where they name no cell, or several."""
    places = {column.key: place for place, column in enumerate(table.columns) if column.key in study.axes}
    points = [tuple(labels.get(axis) for axis in places) for labels in study.cells]
    counts = Counter(points)
    cells = {point: cell for cell, point in enumerate(points) if counts[point] == 1}
    return [cells.get(tuple(str(row[place]) for place in places.values())) for row in table.rows]
