"""Tables of the report: numbers that link to their runs, and drawn intervals."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final

from analysis.report.curves import Scale, fit_scale, tick_text
from analysis.stats import Estimate, estimate_mean
from analysis.tables import Column, format_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analysis.report.links import Links
    from analysis.study_data import StudyData
    from analysis.tables import Entry, Kind, ResultTable


WIDTH: Final = 200.0  # SVG user units
EDGE: Final = 8.0
REACH: Final = 1.0  # how far an interval may widen the scale, in units of the range of the seeds


@dataclass(frozen=True, slots=True)
class DrawnRange:
    """A mean with its interval and the averaged values."""

    mean: float
    low: float  # -inf for one seed
    high: float
    seeds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Ruler:
    """The scale of a column of drawings, with its ticks and reference marks."""

    scale: Scale
    ticks: tuple[tuple[float, str], ...]  # position, text
    zero: float | None  # position of no difference
    band: tuple[float, float] | None  # positions of the equivalence margin


@dataclass(frozen=True, slots=True)
class Drawing:
    """The drawing of one row: positions in SVG units."""

    mean: float
    low: float
    high: float
    cut_low: bool  # the interval extends beyond the edge
    cut_high: bool
    seeds: tuple[float, ...]


def build_ruler(ranges: Sequence[DrawnRange], differences: bool, margin: float | None = None) -> Ruler:
    """Return a scale that shows all means and seeds, and intervals unless they are too wide.

    Args:
        ranges: The rows.
        differences: The values are differences, so that zero is shown.
        margin: The equivalence margin, in the unit of the values; None without one.

    """
    scale = fit_scale(_shown(ranges, differences, margin), EDGE, WIDTH - EDGE)
    ticks = tuple((scale.at(tick), tick_text(tick)) for tick in scale.ticks(4))
    band = (scale.at(-margin), scale.at(margin)) if differences and margin else None
    return Ruler(scale, ticks, scale.at(0.0) if differences else None, band)


def place_on_ruler(found: DrawnRange, on: Ruler) -> Drawing:
    """Return the positions of one row on a scale."""
    scale = on.scale
    low, high = max(found.low, scale.low), min(found.high, scale.high)
    cut_low, cut_high = found.low < scale.low, found.high > scale.high
    if not (isfinite(found.low) and isfinite(found.high)):  # one seed: no interval to draw
        low, high, cut_low, cut_high = found.mean, found.mean, False, False
    return Drawing(
        scale.at(found.mean), scale.at(low), scale.at(high), cut_low, cut_high, tuple(map(scale.at, found.seeds))
    )


def _shown(ranges: Sequence[DrawnRange], differences: bool, margin: float | None) -> list[float]:
    points = [value for found in ranges for value in (found.mean, *found.seeds) if isfinite(value)]
    points += [0.0, *((-margin, margin) if margin else ())] if differences else []
    if not points:
        return []
    width = (max(points) - min(points)) or abs(points[0]) or 1.0
    least, most = min(points) - REACH * width, max(points) + REACH * width
    return points + [min(max(bound, least), most) for bound in _bounds(ranges)]


def _bounds(ranges: Iterable[DrawnRange]) -> Iterable[float]:
    return (bound for found in ranges for bound in (found.low, found.high) if isfinite(bound))


@dataclass(frozen=True, slots=True)
class ReportNumber:
    """An entry of a table as text, with its source."""

    text: str
    source: str = ""  # id of its lineage; empty without runs
    detail: str = ""  # the full reason of a dash


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A row of a table; one entry may be drawn on the common scale."""

    numbers: tuple[ReportNumber, ...]
    drawn: Drawing | None = None


@dataclass(frozen=True, slots=True)
class Numbers:
    """A table of the report."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[ReportRow, ...]
    notes: tuple[str, ...]
    ruler: Ruler | None = None  # scale of the drawings, if any
    at: int = -1  # the drawings follow this column


def link_numbers(table: ResultTable, *links: Links, otherwise: str = "") -> Numbers:
    """Return a table whose numbers link to their lineage.

    Args:
        table: The table.
        links: The links of the studies; the first study with the row's cell is used.
        otherwise: The link of numbers in rows that are not a single cell.

    """
    rows = (ReportRow(_row(entries, table.columns, links, otherwise)) for entries in table.rows)
    return Numbers(table.title, table.columns, tuple(rows), table.notes)


def draw_end_scores(table: ResultTable, data: StudyData, links: Links) -> Numbers:
    """Return the table of a study with the deciding score of every cell drawn.

    Args:
        table: The table of the study.
        data: The study with its runs.
        links: Its links.

    """
    final = data.scores(data.study.metric)
    cells = [links.cell(read_row_labels(table, row)) for row in table.rows]
    ranges = [None if cell is None or cell not in final else _seeds(final[cell]) for cell in cells]
    return _drawn(link_numbers(table, links), "score", ranges, differences=False)


def draw_effects(table: ResultTable, otherwise: str) -> Numbers:
    """Return a table of differences over many cells, with the differences drawn."""
    place = _first(table.columns, "gap")
    ranges = [_spread(row[place]) for row in table.rows]
    return _drawn(link_numbers(table, otherwise=otherwise), "gap", ranges, differences=True)


def read_row_labels(table: ResultTable, row: Sequence[Entry]) -> dict[str, str]:
    """Return the labels of a row by axis."""
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
            text=format_entry(entry, column, seeds),
            source=link.source(entry, column, cell) if link else otherwise * _counted(entry, column),
            detail="" if isinstance(entry, str | Estimate) else entry.detail,
        )
        for entry, column in pairs
    )


def _counted(entry: Entry, column: Column) -> bool:
    """Return True for a number: an estimate, or text that starts with a digit."""
    return isinstance(entry, Estimate) or (column.kind == "number" and isinstance(entry, str) and entry[:1].isdigit())


def _drawn(found: Numbers, kind: Kind, ranges: Sequence[DrawnRange | None], differences: bool) -> Numbers:
    on = build_ruler([each for each in ranges if each], differences=differences)
    rows = (
        ReportRow(row.numbers, place_on_ruler(each, on) if each else None)
        for row, each in zip(found.rows, ranges, strict=True)
    )
    return Numbers(found.title, found.columns, tuple(rows), found.notes, on, _first(found.columns, kind))


def _first(columns: Sequence[Column], kind: Kind) -> int:
    return next(place for place, column in enumerate(columns) if column.kind == kind)


def _seeds(by_seed: Mapping[int, float]) -> DrawnRange | None:
    found = estimate_mean(by_seed.values())
    return DrawnRange(found.mean, *found.interval, tuple(by_seed[seed] for seed in sorted(by_seed))) if found else None


def _spread(entry: Entry) -> DrawnRange | None:
    return DrawnRange(entry.mean, *entry.interval, ()) if isinstance(entry, Estimate) else None
