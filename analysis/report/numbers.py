"""The table of a study as the page shows it: every number with the id of its runs, and the seeds drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.frame import scores
from analysis.inference.contrast import contrasts
from analysis.render import TEXT, entry_text
from analysis.report.intervals import Drawing, Range, Ruler, drawing, ruler
from analysis.stats import Estimate, estimate
from analysis.tables import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from analysis.report.anchors import Trace
    from analysis.tables import Entry, Table
    from harness.records import Study

_GAP: Final = " difference"  # the end of a column's key


@dataclass(frozen=True, slots=True)
class Number:
    """A text of a table, and where it comes from."""

    text: str
    source: str = ""  # id of its lineage; empty where nothing ran
    detail: str = ""  # the rest of the reason of a dash


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the entries of all columns, and its seeds on the scale that all rows share."""

    numbers: tuple[Number, ...]
    ends: Drawing | None


@dataclass(frozen=True, slots=True)
class Numbers:
    """A table of the page."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    ruler: Ruler


def numbers(table: Table, study: Study, taken: pd.DataFrame, trace: Trace) -> Numbers:
    """Give every number of a study's table its lineage, and draw how the cells end."""
    final = scores(taken, study.metric)
    back = {contrast.arm: contrast.baseline for contrast in contrasts(study, final.keys())}
    ends = {cell: found for cell, by_seed in final.items() if (found := _range(by_seed))}
    on = ruler(list(ends.values()), differences=False)
    rows = []
    for entries, cell in zip(table.rows, _cells(table, study), strict=True):
        texts = tuple(_numbers(entries, table.columns, cell, back, trace))
        rows.append(Row(texts, drawing(ends[cell], on) if cell in ends else None))
    return Numbers(table.columns, tuple(rows), table.notes, on)


def _range(by_seed: Mapping[int, float]) -> Range | None:
    found = estimate(by_seed.values())
    return Range(found.mean, *found.interval, tuple(by_seed[seed] for seed in sorted(by_seed))) if found else None


def _cells(table: Table, study: Study) -> Iterator[int | None]:
    """The cell of every row; None for rows of points that the grid leaves out."""
    places = [place for place, column in enumerate(table.columns) if column.kind == "label"]
    by_labels = {
        tuple(labels[table.columns[place].key] for place in places): cell for cell, labels in enumerate(study.cells)
    }
    return (by_labels.get(tuple(str(row[place]) for place in places)) for row in table.rows)


def _numbers(
    row: tuple[Entry, ...], columns: tuple[Column, ...], cell: int | None, back: Mapping[int, int], trace: Trace
) -> Iterator[Number]:
    seeds = next((e.n for e, c in zip(row, columns, strict=True) if c.kind == "score" and isinstance(e, Estimate)), 0)
    for entry, column in zip(row, columns, strict=True):
        yield Number(entry_text(entry, column, seeds), _source(entry, column, cell, back, trace), _detail(entry))


def _source(entry: Entry, column: Column, cell: int | None, back: Mapping[int, int], trace: Trace) -> str:
    if cell is None or column.kind in TEXT or not isinstance(entry, Estimate):
        return ""
    if column.kind == "gap":
        return trace.gap(cell, back[cell], column.key.removesuffix(_GAP)) if cell in back else ""
    return trace.score(cell, column.key)


def _detail(entry: Entry) -> str:
    return "" if isinstance(entry, str | Estimate) else entry.detail
