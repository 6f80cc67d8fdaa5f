"""Layout of a study: varying axes, baselines, and runs that do not belong together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from analysis.study.frame import select_finished, select_planned
from harness.common.text import join_limited
from harness.records.record import CONTROL_AXIS, CONTROL_OFF

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd

    from harness.records.record import Skipped, Study

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
