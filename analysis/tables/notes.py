"""Notes under a table: how to read it, its sources, missing data, tricks that never fired."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.stats import list_twin_notes, shorten, wilson_interval
from analysis.study import (
    LAPTOP_PROFILE,
    RUN_COLUMNS,
    find_varied_axes,
    format_labels,
    name_cell,
    read_failures,
    read_scores,
    select_finished,
    select_planned,
)
from harness.common import SchemaError, find_own_or_reference, format_path, is_reference, join_limited, results_folder
from harness.data import BENCHMARKS
from harness.records import AD_HOC_PREFIX, AUDIT_NAME, FIRED_PREFIX, AuditReport, suggest_scores

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from harness.records import AuditCount, Skipped, Study


def find_never_fired(taken: pd.DataFrame) -> dict[int, tuple[str, ...]]:
    """Return, by cell, its tricks that fired in no run; other cells are left out."""
    found: dict[int, list[str]] = {}
    for column in sorted(str(column) for column in taken if str(column).startswith(FIRED_PREFIX)):
        for cell, by_seed in read_scores(taken, column).items():
            if not any(by_seed.values()):
                found.setdefault(cell, []).append(column.removeprefix(FIRED_PREFIX))
    return {cell: tuple(names) for cell, names in sorted(found.items())}


def list_fired_notes(study: Study, taken: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    """Yield a note that names the tricks that never fired, and their cells.

    Args:
        study: The study.
        taken: Its runs (``runs.select_planned``).
        axes: The axes that name a cell.

    """
    cells: dict[str, list[int]] = {}
    for cell, names in find_never_fired(taken).items():
        for trick in names:
            cells.setdefault(trick, []).append(cell)
    if cells:
        texts = [f"{trick} in {_where(study, taken, trick, found, axes)}" for trick, found in sorted(cells.items())]
        yield f"Never fired, so that without it every update would have been the same: {join_limited(texts)}."


def _where(study: Study, taken: pd.DataFrame, trick: str, cells: Sequence[int], axes: Sequence[str]) -> str:
    """Return the names of the cells, or a remark that all cells with the trick are meant."""
    having = len(read_scores(taken, f"{FIRED_PREFIX}{trick}"))
    if 1 < len(cells) == having:
        return f"all {having} rows that have it"
    return f"({join_limited([name_cell(axes, study.cells[cell]) for cell in cells])})"


def note_verifier_errors(runs: pd.DataFrame, folder: Path | None = None) -> Iterator[str]:
    """Yield a note on the verifier's error rates if it scored any of the runs.

    The rates come from ``verifier.json`` in ``folder``, by default the results folder, else from the reference.
    """
    if _scored(runs):
        yield _note(_file(folder or results_folder()))


def note_reference_file(runs: pd.DataFrame, folder: Path) -> str | None:
    """Return a line that names the file behind the note if it is the reference file, else None."""
    file = _file(folder)
    if not (_scored(runs) and is_reference(file)):
        return None
    return f"how often the verifier errs: from {format_path(file)}, for {folder / file.name} is missing (`make audit`)"


def _file(folder: Path) -> Path:
    return find_own_or_reference(folder, f"{AUDIT_NAME}.json")


def _scored(runs: pd.DataFrame) -> bool:
    names = [name for name in runs if {*BENCHMARKS} & {*str(name).split("/")}]  # such as "final/math500/avg@8"
    return bool(runs[names].notna().any(axis=None))


def _note(file: Path) -> str:
    try:
        found = AuditReport.from_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return f"How often the verifier of real mathematics errs is not known: {file} is missing (`make audit`)."
    except (OSError, SchemaError, json.JSONDecodeError, UnicodeDecodeError):
        return f"How often the verifier of real mathematics errs is not known: {file} is no audit (`make audit`)."
    return _errors(found.verifier.total, found)


def _errors(total: AuditCount, found: AuditReport) -> str:
    changed = {"yes": " with changes", "unknown": ", with or without changes"}.get(found.dirty, "")
    return (
        "The verifier of real mathematics errs too: on labelled pairs of our own it rewards "
        f"{_share(total.false_positives, total.wrong)} wrong answers and refuses "
        f"{_share(total.false_negatives, total.right)} right ones (95 % intervals after Wilson; "
        f"commit {found.commit[:10]}{changed}, `make audit`). It was mended on these pairs: on others it may err more."
    )


def _share(part: int, whole: int) -> str:
    low, high = wilson_interval(part, whole)
    return f"{part} of {whole} [{100 * low:.1f} %, {100 * high:.1f} %]"


_INTERVAL: Final = (
    "± is half the 95 % interval of the mean over training seeds (Student t, n - 1 degrees of freedom); "
    "n in parentheses. A difference is the mean over paired seeds, with its 95 % interval [low, high] and the number "
    "of pairs. One seed gives a number without an interval. Only finished runs count."
)
_COUNTS: Final = {
    "arm": "Failures caused by the arm: the worst outcome in verdicts, in no mean or difference",
    "unknown": "Failures of unknown cause: judged both as the worst outcome and as missing, in no mean or difference",
    "outside": "Failed, not counted",
}


def list_table_notes(study: Study, runs: pd.DataFrame) -> tuple[str, ...]:
    """Return the notes of a study's table, in reading order."""
    taken = select_planned(runs, study)
    named = [entry.labels for entry in (*study.skipped, *study.refused)]
    axes = find_varied_axes(study, (*study.cells, *named))
    return (
        _INTERVAL,
        *_unrecorded(study, select_finished(taken)),
        *_seeds(study, taken, axes),
        *note_command(study, select_finished(taken).drop_duplicates("run_id")),
        *note_sources(select_finished(taken).drop_duplicates("run_id")),
        *((f"Tuned beforehand: {study.tuning}.",) if study.tuning else ()),
        *note_verifier_errors(select_finished(taken)),
        *list_fired_notes(study, taken, axes),
        *list_twin_notes(study, read_scores(taken, study.metric), axes),
        *_left_out("Skipped", study.skipped, axes),
        *_left_out("Refused", study.refused, axes),
        *_failed(study, taken, axes),
        *_others(study, runs, taken),
    )


def lead(study: Study, compared: str = "an arm is compared with the cell") -> Iterator[str]:
    """Yield the question of a study and what its rows are compared with."""
    yield study.question
    if study.baseline:
        yield f"Baseline: {format_labels(study.baseline)}; {compared} that differs in this alone."


def list_origin_notes(study: Study, taken: pd.DataFrame) -> tuple[str, ...]:
    """Return the notes on the seeds, commits, data and environments behind the numbers."""
    axes = find_varied_axes(study, study.cells)
    return (
        *_seeds(study, taken, axes),
        *note_failed_seeds(study, taken),
        *note_sources(select_finished(taken).drop_duplicates("run_id")),
    )


def note_failed_seeds(study: Study, taken: pd.DataFrame) -> Iterator[str]:
    """Yield a note that names the cells with failed seeds; nothing if no run failed."""
    axes, done = find_varied_axes(study, study.cells), read_scores(taken, study.metric)
    texts = [
        f"{name_cell(axes, study.cells[cell])} ({len(seeds)} of {len({*seeds, *done.get(cell, ())})} seeds failed)"
        for cell, seeds in sorted(read_failures(taken, study.metric).items())
    ]
    if texts:
        yield f"Numbers are of finished runs only, a selection in {join_limited(texts)}."


def _seeds(study: Study, taken: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    yield f"Seeds planned: {_numbers(study.seeds)}."
    uneven = [
        f"{name_cell(axes, study.cells[cell])}: {_numbers(seeds)}"
        for cell, seeds in _seeds_by_cell(select_finished(taken)).items()
        if {*seeds} != {*study.seeds}
    ]
    if uneven:
        yield f"Other seeds than planned: {join_limited(uneven)}."


def _unrecorded(study: Study, runs: pd.DataFrame) -> Iterator[str]:
    """Yield the deciding metrics that no finished run has recorded."""
    metrics = {"metric": study.metric} | {f"controls.{each.name}.metric": each.metric for each in study.controls}
    known = [str(column) for column in runs if column not in {*RUN_COLUMNS, "cell"}]
    for place, metric in metrics.items():
        if len(runs) and not read_scores(runs, metric):
            yield (
                f"{place}: no finished run records the score {metric}; {suggest_scores(metric, known)} Correct it in "
                f"the grid; `{_command(study)}` then keeps the finished runs."
            )


def _seeds_by_cell(runs: pd.DataFrame) -> dict[int, list[int]]:
    seeds: dict[int, list[int]] = {}
    for cell, seed in sorted(zip(runs["cell"], runs["seed"], strict=True)):
        seeds.setdefault(cell, []).append(seed)
    return seeds


def _command(study: Study) -> str:
    """Return the command of the study. An ad-hoc grid stores it in its question."""
    if study.name.startswith(AD_HOC_PREFIX):
        return study.question.partition("`")[2].rstrip("`")
    return f"make sweep GRID={study.name}"


def note_command(study: Study, runs: pd.DataFrame) -> Iterator[str]:
    """Yield the command that made the runs, and their total CPU time."""
    if len(runs):
        profile = f" PROFILE={study.profile}" if study.profile != LAPTOP_PROFILE else ""
        if study.name.startswith(AD_HOC_PREFIX):
            profile = profile.replace(" PROFILE=", " --profile ")
        seconds = f"{runs['cpu_seconds'].sum():,.0f} processor seconds in all"
        yield f"Made by `{_command(study)}{profile}`: {len(runs)} runs, {seconds}."


def note_sources(runs: pd.DataFrame) -> Iterator[str]:
    """Yield the commits, data and environments of finished runs. Each run must appear once."""
    commits = Counter(str(commit)[:10] for commit in runs["commit"])
    if len(commits) == 1:
        yield f"Commit: {next(iter(commits))}."
    if len(commits) > 1:
        yield f"Mixed commits, so that a difference may come from the code: {_counted(commits)}."
    if dirty := sum(flag in {"yes", "true", "unknown"} for flag in runs["dirty"]):
        yield f"The code of {dirty} of {len(runs)} runs is not that of its commit: changes not committed, or no git."
    data = Counter(text for text in runs["data"] if text)
    if data:
        yield f"Trained on, with the SHA-256 of the rows: {_counted(data) if len(data) > 1 else next(iter(data))}."
    environments = Counter(runs["environment"])
    if len(environments) > 1:
        yield f"Mixed environments: {_counted(environments)}."


def _left_out(word: str, entries: Iterable[Skipped], axes: Sequence[str]) -> Iterator[str]:
    texts = [f"{name_cell(axes, entry.labels)} ({entry.because})" for entry in entries]
    if texts:
        yield f"{word}: {join_limited(texts)}."


def _failed(study: Study, taken: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    """Yield the runs without a score, grouped by how verdicts count them."""
    lost = read_failures(taken, study.metric)
    reasons = [
        lost.get(cell, {}).get(seed, "outside" if status == "failed" else "")
        for cell, seed, status in zip(taken["cell"], taken["seed"], taken["status"], strict=True)
    ]
    for reason, counts in _COUNTS.items():
        own = taken[np.array([each == reason for each in reasons], dtype=bool)]
        errors = dict(zip(own["cell"], own["error"], strict=True))
        texts = [
            f"{name_cell(axes, study.cells[cell])}, seed {_numbers(seeds)} ({_fault(errors[cell], study.metric)})"
            for cell, seeds in _seeds_by_cell(own).items()
        ]
        if texts:
            yield f"{counts}: {join_limited(texts)}."


def _fault(error: object, metric: str) -> str:
    """Return why a run has no score: its error, or that it finished without the score."""
    return shorten(error) if isinstance(error, str) else f"finished without {metric}"


def _others(study: Study, runs: pd.DataFrame, taken: pd.DataFrame) -> Iterator[str]:
    same = select_finished(runs[runs["profile"] == study.profile])
    if others := len(set(same["run_id"]) - set(taken["run_id"])):
        yield f"Not in this table: {others} finished runs of cells or settings outside the current plan."


def _numbers(seeds: Iterable[int]) -> str:
    return ", ".join(str(seed) for seed in sorted(seeds))


def _counted(names: Counter[str]) -> str:
    return join_limited([f"{name} ({count} runs)" for name, count in sorted(names.items())])
