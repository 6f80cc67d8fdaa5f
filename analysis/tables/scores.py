"""The main table of a study: one row per cell, with score, difference to baseline and cost."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from analysis.stats import (
    Estimate,
    compute_verdicts,
    estimate_difference,
    estimate_mean,
    find_twins,
    format_twin,
    shorten,
)
from analysis.study import (
    find_baselines,
    find_varied_axes,
    find_warning,
    format_labels,
    read_failures,
    read_scores,
    select_finished,
    select_planned,
    select_single_points,
    sort_key,
)
from analysis.tables.notes import find_never_fired, list_table_notes

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from harness.records import Study

Kind = Literal["label", "number", "score", "gap", "side", "mark", "word"]  # a "number" is text without an interval

# Secondary scores: name, title, digits.
SIDE: Final = (
    ("best/accuracy", "best evaluated step, not counted", 3),
    ("final/length", "length, tokens", 1),
    ("final/truncated", "truncated", 3),
    ("train/policy/entropy", "entropy, nats", 3),
    ("train/update/clip_fraction_high", "clipped high", 4),
    ("train/update/clip_fraction_low", "clipped low", 4),
    ("cpu_seconds", "CPU s a run", 1),
)
FAILED: Final = "failed seeds"  # the column of runs that failed, or may have failed, due to their arm


@dataclass(frozen=True, slots=True)
class MissingScore:
    """A missing number (printed as a dash) with an optional reason."""

    reason: str = ""  # a word or two
    detail: str = ""  # the full reason, which the notes repeat


Entry = str | Estimate | MissingScore


@dataclass(frozen=True, slots=True)
class Column:
    """A column: ``key`` is its name in CSV files, ``title`` its heading."""

    key: str
    title: str
    kind: Kind
    digits: int = 3


@dataclass(frozen=True, slots=True)
class ResultTable:
    """A table before it is rendered as Markdown, CSV or LaTeX."""

    name: str  # name of its files
    title: str
    warning: str  # shown prominently; empty if there is none
    lead: tuple[str, ...]  # paragraphs above the table
    columns: tuple[Column, ...]
    rows: tuple[tuple[Entry, ...], ...]
    notes: tuple[str, ...]  # list below the table


@dataclass(frozen=True, slots=True)
class _Row:
    labels: Mapping[str, str]
    cell: int | None  # None: excluded by the grid
    gone: MissingScore  # shown if there is no score
    idle: str = ""  # tricks that never fired
    failed: str = ""  # seeds that failed, or may have failed, due to the arm: ``2 of 6``


def build_study_table(study: Study, runs: pd.DataFrame) -> ResultTable:
    """Return the table of a study from the runs of its experiment (``runs.build_runs_frame``)."""
    taken = select_planned(runs, study)
    rows = sorted(_rows(study, taken), key=lambda row: sort_key(study, row.labels))
    axes = find_varied_axes(study, [row.labels for row in rows])
    marks = [Column(FAILED, FAILED, "mark")] * any(row.failed for row in rows)
    marks += [Column("never fired", "never fired", "mark")] * any(row.idle for row in rows)
    columns = (*(Column(axis, axis, "label") for axis in axes), *_numbers(study, taken), *marks)
    by_column = {column.key: read_scores(taken, column.key) for column in columns if column.kind in {"score", "side"}}
    back = _baselines(study, by_column[study.metric])
    gone = {row.cell: row.gone for row in rows}
    words_of = {v.contrast.arm: v.said for v in compute_verdicts(study, taken) if v.contrast.metric == study.metric}
    return ResultTable(
        name=f"{study.name}.{study.profile}",
        title=f"{study.name} ({study.profile} profile)",
        warning=find_warning(study),
        lead=tuple(_lead(study, rows, axes)),
        columns=columns,
        rows=tuple(
            tuple(_entry(row, column, by_column, study, back, gone, words_of) for column in columns) for row in rows
        ),
        notes=list_table_notes(study, runs),
    )


def _rows(study: Study, taken: pd.DataFrame) -> Iterator[_Row]:
    failed = taken[taken["status"] == "failed"]
    errors = dict(zip(failed["cell"], failed["error"], strict=True))
    twins, idle = find_twins(study) if study.once else {}, find_never_fired(taken)
    lost, done = read_failures(taken, study.metric), read_scores(taken, study.metric)
    for cell, labels in enumerate(study.cells):
        gone = MissingScore("failed", shorten(errors[cell])) if cell in errors else _unscored(study, taken, cell)
        if cell in twins and cell not in errors:
            gone = MissingScore(format_twin(study, twins[cell]), twins[cell].because)
        count = len(lost.get(cell, ()))
        share = f"{count} of {len({*lost.get(cell, ()), *done.get(cell, ())})}" if count else ""
        yield _Row(labels, cell, gone, ", ".join(idle.get(cell, ())), share)
    for word, left_out in (("skipped", study.skipped), ("refused", study.refused)):
        for entry in select_single_points(study, left_out):
            yield _Row(entry.labels, None, MissingScore(word, entry.because))


def _unscored(study: Study, taken: pd.DataFrame, cell: int) -> MissingScore:
    """Return why a cell without a failed run has no score: not run, or not recorded."""
    ran = bool((select_finished(taken)["cell"] == cell).any())
    return (
        MissingScore(f"no {study.metric}", f"its runs did not record the score {study.metric}")
        if ran
        else MissingScore("not run yet")
    )


def _numbers(study: Study, taken: pd.DataFrame) -> Iterator[Column]:
    yield Column(study.metric, study.metric, "score")
    if study.baseline:
        yield Column(f"{study.metric} difference", "difference to baseline", "gap")
        yield Column("verdict", "verdict", "word")
    for name, title, digits in (*((name, name, 3) for name in _held_out(taken)), *SIDE):
        if name != study.metric and read_scores(taken, name):
            yield Column(name, title, "side", digits)


def _held_out(taken: pd.DataFrame) -> list[str]:
    """Return pass@k over all benchmarks, and the accuracy of each if there are several."""
    names = [str(name) for name in taken]
    single = [name for name in names if re.fullmatch(r"final/[^/]+/avg@\d+", name)]
    passes = [name for name in names if re.fullmatch(r"final/pass@\d+", name)]
    return sorted(passes) + (single if len(single) > 1 else [])


def _lead(study: Study, rows: list[_Row], axes: tuple[str, ...]) -> Iterator[str]:
    yield study.question
    same = {axis: rows[0].labels[axis] for axis in study.axes if rows and axis not in axes}
    if same:
        yield f"In every row: {format_labels(same)}."
    if study.baseline:
        yield f"Baseline: {format_labels(study.baseline)}; a row is compared with the row that differs in this alone."


def _entry(
    row: _Row,
    column: Column,
    by_column: Mapping[str, Mapping[int, Mapping[int, float]]],
    study: Study,
    back: Mapping[int, int],
    gone: Mapping[int | None, MissingScore],
    words_of: Mapping[int, str],
) -> Entry:
    if column.kind == "word":
        return MissingScore() if row.cell is None else words_of.get(row.cell, MissingScore())
    if column.kind == "label":
        return row.labels[column.key]
    if column.kind == "mark":
        return row.failed if column.key == FAILED else row.idle
    if column.kind == "gap":
        return _gap(row, by_column[study.metric], back, gone)
    found = estimate_mean(by_column[column.key].get(row.cell, {}).values()) if row.cell is not None else None
    return found or (row.gone if column.kind == "score" else MissingScore())


def _baselines(study: Study, by_cell: Mapping[int, Mapping[int, float]]) -> dict[int, int]:
    """Return the baseline cell of each cell; a twin that did not run is replaced by its source."""
    twins = find_twins(study) if study.once else {}
    found = find_baselines(study)
    return {cell: twins[back].of if back in twins and back not in by_cell else back for cell, back in found.items()}


def _gap(
    row: _Row,
    by_cell: Mapping[int, Mapping[int, float]],
    back: Mapping[int, int],
    gone: Mapping[int | None, MissingScore],
) -> Entry:
    if row.cell is None or row.cell not in by_cell:
        return MissingScore()
    if row.cell not in back:
        return MissingScore("no baseline planned")
    if row.cell == back[row.cell]:
        return "baseline"
    if back[row.cell] not in by_cell:
        return MissingScore(f"baseline {gone[back[row.cell]].reason}")
    return estimate_difference(by_cell[row.cell], by_cell[back[row.cell]]) or MissingScore("no seed in common")
