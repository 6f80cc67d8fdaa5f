"""Tables whose numbers can be traced to their runs."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from io import StringIO
from math import exp
from typing import TYPE_CHECKING, Final

from analysis.claims import format_detectable, format_finding as shown_of_numbers, format_p, read_values
from analysis.curves import ON_POLICY
from analysis.report import own_settings
from analysis.stats import Estimate, list_contrasts
from analysis.study import cells_of
from analysis.tables import format_entry
from analysis.trace.number import Heading, TracedNumber, TracedRow, TracedSide, TracedTable
from harness.common import format_path
from harness.tracking import explain_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from analysis.claims import Finding, PartFinding
    from analysis.study_data import StudyData
    from analysis.tables import Column, ResultTable


_MEAN: Final = "mean of {metric} over training seeds, ± half its 95 % Student t interval"
_GAP: Final = "mean over paired seeds of arm minus baseline, with its 95 % interval"
_PAPER: Final = "paper"  # prefix of the columns with the paper's own numbers
_THEIRS: Final = "the paper's own number, with its source and precision in results/paper; it comes from no run of ours"
_COMPARING: Final = ("gap", "number", "word")  # column kinds that compare two cells
_OF_CURVES: Final = (
    *("area", "ceiling", "midpoint", "slope", "collapsed", "equal steps", "equal tokens", "equal seconds"),
    *("area equal tokens", "tokens ratio", "seconds ratio"),
)  # columns of the table of curves; their runs are shown with the mean of the underlying curve
_HOW: Final[Mapping[str, str]] = {
    "p": "two-sided paired t test of arm minus baseline over training seeds; if the arm caused failures, exact "
    "signed-rank test with the failures last",
    "p adjusted": "p adjusted within its family: Holm for declared contrasts, Benjamini-Hochberg for the rest",
    "p equivalent": "two one-sided tests against the grid's margin, adjusted within the family",
    "detectable": "smallest true effect that these runs find with 80 % power at the family's level",
    "correlation": "correlation of arm and baseline over paired seeds",
    "improvement": "share of pairs of runs, one per side, in which the arm is better",
    "evaluation": "standard error of the difference over problems, paired by problem unless noted",
    "verdict": "called by the tests of the verdict table (docs/calibration.md)",
}


def _side(data: StudyData, role: str, cell: int, metric: str, seeds: Sequence[int] | None = None) -> TracedSide:
    """Return a cell with its values and runs, over these seeds or all."""
    found = read_values(data, metric).get(cell, {})
    kept = {seed: value for seed, value in sorted(found.items()) if seeds is None or seed in seeds}
    runs, apart = data.by_cell.get(cell, ()), own_settings(data, cell)
    return TracedSide(role, data.study, cell, metric, kept, runs, apart, data.links)


def trace_study_table(table: ResultTable, *studies: StudyData) -> TracedTable:
    """Return a table of one or several studies as a traced table.

    A row belongs to the first study that has runs of its cell.
    """
    places = [place for place, column in enumerate(table.columns) if column.kind == "label"]
    rows = tuple(
        TracedRow({table.columns[place].key: str(entries[place]) for place in places if str(entries[place])})
        for entries in table.rows
    )
    numbers = [place for place in range(len(table.columns)) if place not in places]
    return TracedTable(
        name=table.name,
        rows=rows,
        columns=tuple(Heading(table.columns[place].key, table.columns[place].title) for place in numbers),
        look=lambda row, column: _number(
            table, row, numbers[column], rows[row].labels, _of_row(studies, rows[row].labels)
        ),
    )


def _number(table: ResultTable, row: int, place: int, labels: Mapping[str, str], found: StudyData) -> TracedNumber:
    column, entries = table.columns[place], table.rows[row]
    text = format_entry(entries[place], column, _seeds(entries))
    cells, metric = cells_of(found.study, labels), _metric(column, labels, found)
    if column.key.startswith(_PAPER):
        return TracedNumber(text, (_THEIRS,))
    how = (*_how(column, metric), f"the notes under results/tables/{table.name}.md give the details")
    back = _baseline(found, cells[0], metric) if len(cells) == 1 and column.kind in _COMPARING else None
    if back is not None:
        paired = _paired(text, how, metric, found, cells[0], back)
        return replace(paired, combined={}) if column.key in _OF_CURVES else paired
    sides = tuple(_side(found, "cell", cell, metric) for cell in cells)
    return TracedNumber(text, how, sides)


def _of_row(studies: Sequence[StudyData], labels: Mapping[str, str]) -> StudyData:
    """Return the first study with runs of a cell with these labels; else the first study."""
    ran = (each for each in studies if any(each.by_cell.get(cell) for cell in cells_of(each.study, labels)))
    return next(ran, studies[0])


def _how(column: Column, metric: str) -> Iterator[str]:
    if column.key in _HOW:
        yield _HOW[column.key]
    elif column.kind == "gap":
        yield _GAP
    elif column.kind in {"score", "side"}:
        yield _MEAN.format(metric=metric)


def _baseline(found: StudyData, cell: int, metric: str) -> int | None:
    """Return the baseline of a cell; None if it has none."""
    ran = read_values(found, metric).keys()
    return next((each.baseline for each in list_contrasts(found.study, ran) if each.arm == cell), None)


def _paired(text: str, how: tuple[str, ...], metric: str, found: StudyData, arm: int, back: int) -> TracedNumber:
    by_cell = read_values(found, metric)
    seeds = sorted(by_cell.get(arm, {}).keys() & by_cell.get(back, {}).keys())
    sides = _side(found, "arm", arm, metric, seeds), _side(found, "baseline", back, metric, seeds)
    combined = {seed: sides[0].values[seed] - sides[1].values[seed] for seed in seeds}
    return TracedNumber(text, how, sides, combined)


def _metric(column: Column, labels: Mapping[str, str], found: StudyData) -> str:
    """Return the score of a column: the one it names, the row's, or the study's."""
    if column.kind != "label" and column.key in _OF_CURVES:
        return f"mean({ON_POLICY})"
    name = column.key.removesuffix(" difference")
    return name if name in found.taken else labels.get("metric", found.study.metric)


def _seeds(entries: Sequence[object]) -> int:
    return next((entry.n for entry in entries if isinstance(entry, Estimate)), 0)


_NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?%?")


def list_table_names(tables: Path) -> list[str]:
    """Return the names of the tables in a folder."""
    return sorted(path.stem for path in tables.glob("*.csv"))


def trace_file(tables: Path, name: str) -> TracedTable:
    """Return a CSV file as a traced table. Its first columns with words name the rows.

    Raises StoreError, which names the file, if it cannot be read.
    """
    path = tables / f"{name}.csv"
    with explain_errors(str(path)):
        head, *lines = list(csv.reader(StringIO(path.read_text(encoding="utf-8"))))
    words = _words(head, lines)
    numbers = [place for place in range(len(head)) if place not in words]
    return TracedTable(
        name=name,
        rows=tuple(TracedRow({head[place]: line[place] for place in words if line[place]}) for line in lines),
        columns=tuple(Heading(head[place], head[place]) for place in numbers),
        look=lambda row, column: TracedNumber(lines[row][numbers[column]] or "—", _notes(tables / f"{name}.md")),
    )


def _words(head: Sequence[str], lines: Sequence[Sequence[str]]) -> list[int]:
    """Return the columns before the first column of numbers."""
    for place in range(len(head)):
        filled = [line[place] for line in lines if line[place]]
        if filled and all(_NUMBER.fullmatch(text) for text in filled) and place > 0:
            return list(range(place))
    return list(range(len(head) - 1))


def _notes(markdown: Path) -> tuple[str, ...]:
    """Return the notes of the table: seeds, commits and methods."""
    try:
        lines = markdown.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    said = [line.removeprefix("- ") for line in lines if line.startswith("- ")]
    return (f"the runs of this table are not in this store; {format_path(markdown)} states:", *said)


_COLUMNS: Final = ("number", "p adjusted", "could show", "verdict")
_TAKEAWAY_BOOK_HOW: Final[Mapping[str, str]] = {
    "number": "mean over paired seeds of what the claim compares, with its 95 % interval",
    "p adjusted": "two-sided paired t test, adjusted after Holm over all planned parts of the takeaway",
    "could show": "smallest true effect that these runs find with 80 % power at the takeaway's level",
    "verdict": "called by the rules of docs/takeaways.md",
}


def trace_takeaways(findings: Sequence[Finding], profile: str, studies: Mapping[str, StudyData]) -> TracedTable:
    """Return the evidence of all claims with runs as a traced table.

    Args:
        findings: The judged claims.
        profile: The profile of the runs.
        studies: Study name -> study with its runs.

    Returns:
        A table whose rows are named by claim and part.

    """
    found = [
        (finding, number, part)
        for finding in findings
        for number, part in enumerate(finding.parts, 1)
        if part.word != "no runs"
    ]
    return TracedTable(
        name=f"takeaways.{profile}",
        rows=tuple(TracedRow({"claim": finding.id, "part": str(number)}) for finding, number, _ in found),
        columns=tuple(Heading(name, name) for name in _COLUMNS),
        look=lambda row, column: _takeaway_book_number(found[row][0], found[row][2], _COLUMNS[column], studies),
    )


def _takeaway_book_number(
    finding: Finding, part: PartFinding, column: str, studies: Mapping[str, StudyData]
) -> TracedNumber:
    texts = {
        "number": shown_of_numbers(part),
        "p adjusted": format_p(part.p_adjusted),
        "could show": format_detectable(part),
        "verdict": part.word,
    }
    unit = exp if part.ratio else float
    combined = {
        seed: unit(arm - base) for seed, arm, base in zip(part.seeds, part.arm, part.base, strict=True)
    }  # the averaged values
    asked = f"{part.says}: {part.expected} expected, of {part.metric}"
    how = (f"{finding.id}: {finding.sentence}", asked, _TAKEAWAY_BOOK_HOW[column])
    return TracedNumber(texts[column], how, tuple(_sides(part, studies[part.study])), combined)


def _sides(part: PartFinding, found: StudyData) -> list[TracedSide]:
    cells = [cell for labels in part.cells for cell in cells_of(found.study, labels)]
    metric = part.metric.partition(" less ")[0]
    return [_side(found, f"term {number}", cell, metric, part.seeds) for number, cell in enumerate(cells, 1)]
