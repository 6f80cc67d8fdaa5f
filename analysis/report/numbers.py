"""A table as the page shows it: every number with the id of its runs, and one column drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.report.intervals import Drawing, DrawnRange, Ruler, drawing, ruler
from analysis.stats.bootstrap import Estimate, estimate
from analysis.study.frame import scores
from analysis.tables.render import entry_text
from analysis.tables.scores import Column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from analysis.report.links import Links
    from analysis.tables.scores import Entry, Kind, ResultTable
    from harness.records.record import Study


@dataclass(frozen=True, slots=True)
class ReportNumber:
    """A text of a table, and where it comes from."""

    text: str
    source: str = ""  # id of its lineage; empty where nothing ran
    detail: str = ""  # the rest of the reason of a dash


@dataclass(frozen=True, slots=True)
class ReportRow:
    """The entries of all columns, and one of them drawn on the scale that all rows share."""

    numbers: tuple[ReportNumber, ...]
    drawn: Drawing | None = None


@dataclass(frozen=True, slots=True)
class Numbers:
    """A table of the page."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[ReportRow, ...]
    notes: tuple[str, ...]
    ruler: Ruler | None = None  # of the drawings, where there are any
    at: int = -1  # the column after which they stand


def numbers(table: ResultTable, *links: Links, otherwise: str = "") -> Numbers:
    """A table whose numbers lead to their lineage, in the first of these studies that has the row's cell.

    ``otherwise``: where the numbers of a row that is no single cell lead to.
    """
    rows = (ReportRow(_row(entries, table.columns, links, otherwise)) for entries in table.rows)
    return Numbers(table.title, table.columns, tuple(rows), table.notes)


def ends(table: ResultTable, study: Study, taken: pd.DataFrame, links: Links) -> Numbers:
    """The table of a study, with the deciding score of every cell drawn: its seeds, mean and 95 % interval."""
    final = scores(taken, study.metric)
    cells = [links.cell(labels(table, row)) for row in table.rows]
    ranges = [None if cell is None or cell not in final else _seeds(final[cell]) for cell in cells]
    return _drawn(numbers(table, links), "score", ranges, differences=False)


def effects(table: ResultTable, otherwise: str) -> Numbers:
    """A table of differences over many cells, drawn."""
    place = _first(table.columns, "gap")
    ranges = [_spread(row[place]) for row in table.rows]
    return _drawn(numbers(table, otherwise=otherwise), "gap", ranges, differences=True)


def labels(table: ResultTable, row: Sequence[Entry]) -> dict[str, str]:
    """Axis -> label of a row."""
    pairs = zip(table.columns, row, strict=True)
    return {column.key: str(entry) for column, entry in pairs if column.kind == "label"}


def _row(
    entries: tuple[Entry, ...], columns: tuple[Column, ...], links: Sequence[Links], otherwise: str
) -> tuple[ReportNumber, ...]:
    pairs = list(zip(entries, columns, strict=True))
    own = {column.key: str(entry) for entry, column in pairs if column.kind == "label"}
    link, cell = next(((each, cell) for each in links if (cell := each.cell(own)) is not None), (None, 0))
    seeds = next((e.n for e, c in pairs if c.kind == "score" and isinstance(e, Estimate)), 0)
    return tuple(
        ReportNumber(
            text=entry_text(entry, column, seeds),
            source=link.source(entry, column, cell) if link else otherwise * _counted(entry, column),
            detail="" if isinstance(entry, str | Estimate) else entry.detail,
        )
        for entry, column in pairs
    )


def _counted(entry: Entry, column: Column) -> bool:
    """Whether it is a number: an estimate, or one that is written already."""
    return isinstance(entry, Estimate) or (column.kind == "number" and isinstance(entry, str) and entry[:1].isdigit())


def _drawn(found: Numbers, kind: Kind, ranges: Sequence[DrawnRange | None], differences: bool) -> Numbers:
    on = ruler([each for each in ranges if each], differences=differences)
    rows = (
        ReportRow(row.numbers, drawing(each, on) if each else None)
        for row, each in zip(found.rows, ranges, strict=True)
    )
    return Numbers(found.title, found.columns, tuple(rows), found.notes, on, _first(found.columns, kind))


def _first(columns: Sequence[Column], kind: Kind) -> int:
    return next(place for place, column in enumerate(columns) if column.kind == kind)


def _seeds(by_seed: Mapping[int, float]) -> DrawnRange | None:
    found = estimate(by_seed.values())
    return DrawnRange(found.mean, *found.interval, tuple(by_seed[seed] for seed in sorted(by_seed))) if found else None


def _spread(entry: Entry) -> DrawnRange | None:
    return DrawnRange(entry.mean, *entry.interval, ()) if isinstance(entry, Estimate) else None
