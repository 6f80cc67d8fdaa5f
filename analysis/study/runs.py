"""The runs of a study as a data frame, and its layout: axes, baselines, foreign runs."""

from __future__ import annotations

from collections import Counter
from math import isfinite, isnan
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from harness.common import join_limited
from harness.records import CONTROL_AXIS, CONTROL_OFF, DATA_PREFIX, classify_failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from harness.records import FailureReason, RunRecord, Study


Scores = dict[int, dict[int, float]]  # cell (its index in Study.cells) -> seed -> score
Failures = dict[int, dict[int, "FailureReason"]]  # cell -> seed -> "arm" or "unknown"

# Identity and cost of a run; its scores follow under their own names, such as "final/accuracy".
RUN_COLUMNS: Final = (
    "run_id",
    "cell_id",
    "profile",
    "seed",
    "status",
    "error",
    "commit",
    "dirty",
    "environment",
    "data",
    "cpu_seconds",
    "wall_seconds",
    "undefined",
)
_ENVIRONMENT: Final = ("python", "torch", "transformers", "numpy", "vllm", "deepspeed", "processor")


def build_runs_frame(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Return one row per run: the columns of ABOUT, then all scores (NaN if a run has none)."""
    rows = [_row(record) for record in records]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(RUN_COLUMNS))


def select_planned(runs: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the runs of the study's cells, with the column ``cell`` added.

    Two cells with equal settings share their runs.
    """
    cells = pd.DataFrame({"cell_id": list(study.cell_ids), "cell": range(len(study.cell_ids))})
    return runs[runs["profile"] == study.profile].merge(cells, on="cell_id")


def select_finished(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the finished runs."""
    return runs[runs["status"] == "finished"]


def read_scores(runs: pd.DataFrame, name: str) -> Scores:
    """Return a score of the finished runs by cell and seed; runs without it are left out."""
    found: Scores = {}
    if name in runs:
        known = select_finished(runs).dropna(subset=[name])
        for cell, seed, value in zip(known["cell"], known["seed"], known[name], strict=True):
            found.setdefault(cell, {})[seed] = value
    return found


def read_failures(runs: pd.DataFrame, name: str) -> Failures:
    """Return the runs that count as failed for a score, by cell and seed, with the reason.

    A failed run counts by its recorded error, unless it was lost for an outside reason. A finished run with a recorded
    score that is not finite failed for a reason of its arm. A finished run without a score that other runs have failed
    for an unknown reason: its record may be older than the score.
    """
    found: Failures = {}
    for cell, seed, why in _lost(runs, name):
        if why != "outside":
            found.setdefault(cell, {})[seed] = why
    return found


def _lost(runs: pd.DataFrame, name: str) -> Iterator[tuple[int, int, FailureReason]]:
    failed = runs["status"].to_numpy() == "failed"
    scored = np.isfinite(runs[name].to_numpy(dtype=float)) if name in runs else ~failed
    for place in np.flatnonzero(failed | ~scored):
        run = runs.iloc[place]
        undefined = name in runs and (not isnan(run[name]) or name in run.get("undefined", ()))
        error = run["error"] if isinstance(run["error"], str) else None
        yield run["cell"], run["seed"], classify_failure(error) if failed[place] else "arm" if undefined else "unknown"


def _row(record: RunRecord) -> dict[str, object]:
    about = (
        record.run_id,
        record.cell_id,
        record.profile,
        record.seed,
        record.status,
        record.error,
        record.provenance.get("commit", "unknown"),
        record.provenance.get("dirty", "unknown"),
        _environment(record.provenance),
        _data(record.provenance),
        record.cpu_seconds,
        record.wall_seconds,
        tuple(name for name, score in record.scores.items() if not isfinite(score)),
    )
    return {**dict(zip(RUN_COLUMNS, about, strict=True)), **record.scores}


def _environment(provenance: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {provenance[name]}" for name in _ENVIRONMENT if name in provenance)


def _data(provenance: Mapping[str, str]) -> str:
    """Return the training tiers with the start of their SHA-256; empty for arithmetic."""
    tiers = {
        name.removeprefix(DATA_PREFIX): sha256 for name, sha256 in provenance.items() if name.startswith(DATA_PREFIX)
    }
    return ", ".join(f"{name} ({sha256[:12]})" for name, sha256 in tiers.items())


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harness.records import Skipped, Study

    Labels = Mapping[str, str]  # axis -> label


MIXED_ADVICE: Final = "run the others again, or set MIXED=1 for one table of all, with a note"


def explain_mixture(study: Study, runs: pd.DataFrame) -> str | None:
    """Return why the finished runs do not belong in one table; None if they do."""
    taken = select_finished(select_planned(runs, study)).drop_duplicates("run_id")
    reasons = list(_reasons(taken))
    if not reasons:
        return None
    return f"{study.name} ({study.profile} profile): its runs are of {' and of '.join(reasons)}; {MIXED_ADVICE}"


def _reasons(taken: pd.DataFrame) -> Iterator[str]:
    commits = Counter(str(commit)[:10] for commit in taken["commit"])
    environments = Counter(taken["environment"])
    for what, counts in (("commits", commits), ("environments", environments)):
        each = [f"{name}: {count} runs" for name, count in sorted(counts.items())]
        if len(each) > 1:
            yield f"{len(each)} {what} ({join_limited(each)})"


LAPTOP_PROFILE: Final = "laptop"
LAPTOP_WARNING: Final = "A tiny model on arithmetic, trained on a laptop: never to be read as the paper's numbers."


def find_warning(study: Study) -> str:
    """Return the warning that a table must show; empty if there is none."""
    return LAPTOP_WARNING if study.profile == LAPTOP_PROFILE else ""


def find_varied_axes(study: Study, points: Sequence[Labels]) -> tuple[str, ...]:
    """Return the axes with more than one label among the points."""
    return tuple(axis for axis in study.axes if len({labels.get(axis) for labels in points} - {None}) > 1)


def find_baselines(study: Study) -> dict[int, int]:
    """Return, for each cell with a planned baseline, the cell of that baseline.

    The baseline has the same labels except those that the study's baseline sets.
    """
    places = {frozenset(labels.items()): cell for cell, labels in enumerate(study.cells)}
    wanted = (frozenset(_compared(study, labels).items()) for labels in study.cells)
    return {cell: places[point] for cell, point in enumerate(wanted) if point in places}


def _compared(study: Study, labels: Labels) -> Labels:
    """Return the labels of the baseline. That of a control is its cell without the control."""
    if labels.get(CONTROL_AXIS, CONTROL_OFF) != CONTROL_OFF:
        return {**labels, CONTROL_AXIS: CONTROL_OFF}
    return {**labels, **study.baseline} if study.baseline else {}


def cells_of(study: Study, labels: Labels) -> list[int]:
    """Return the cells with these labels, without controls unless a label names one.

    Labels of unknown axes and empty labels are ignored.
    """
    named = {axis: label for axis, label in labels.items() if axis in study.axes and label}
    wanted = {**({CONTROL_AXIS: CONTROL_OFF} if CONTROL_AXIS in study.axes else {}), **named}
    return [cell for cell, own in enumerate(study.cells) if wanted.items() <= own.items()]


def select_single_points(study: Study, left_out: Iterable[Skipped]) -> list[Skipped]:
    """Return the entries that name one point of the grid; the others name a slice of it."""
    return [entry for entry in left_out if entry.labels.keys() == study.axes.keys()]


def sort_key(study: Study, labels: Labels) -> tuple[int, ...]:
    """Return the sort key of a cell: the index of each label on its axis in the grid."""
    return tuple(
        names.index(labels[axis]) if labels[axis] in names else len(names) for axis, names in study.axes.items()
    )


def name_cell(axes: Iterable[str], labels: Labels) -> str:
    """Return a cell's name from its labels on these axes, or on all axes without any."""
    return format_labels({axis: labels[axis] for axis in axes if axis in labels}) or format_labels(labels)


def format_labels(labels: Labels) -> str:
    """Format labels for people: ``norm = group, model = small``."""
    return ", ".join(f"{axis} = {label}" for axis, label in labels.items())
