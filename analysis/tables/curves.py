"""The table of a study's learning curves: one row per cell, with accuracy at equal cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from analysis.curves import (
    CPU,
    KNOWN_WITHIN,
    LAST,
    TOKENS,
    WINDOW,
    choose_clock,
    choose_compute_axis,
    compare_at_equal_cost,
    count_unknown_costs,
    read_learning_curves,
    summarize_learning,
)
from analysis.stats import Estimate, list_contrasts
from analysis.study import find_varied_axes, find_warning, name_cell
from analysis.tables.notes import lead, list_origin_notes
from analysis.tables.scores import Column, Entry, MissingScore, ResultTable
from harness.common import join_limited

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from analysis.curves import AtBudget, Cost, EqualCost, History, Learning, LearningCurves
    from harness.records import Study

_LEARNING: Final = (
    Column("area", "area", "score"),
    Column("ceiling", "ceiling", "side"),
    Column("midpoint", "half the gain after", "side", 1),
    Column("slope", "slope", "side", 2),
    Column("collapsed", "collapsed seeds", "mark"),
)
_COMPARED: Final = (
    Column("equal steps", "at equal steps", "gap"),
    Column("equal tokens", "at equal tokens", "gap"),
    Column("equal seconds", "at equal seconds", "gap"),
    Column("area equal tokens", "area, equal tokens", "gap"),
    Column("tokens ratio", "tokens, times baseline", "side", 2),
    Column("seconds ratio", "seconds, times baseline", "side", 2),
)
_THOUSAND: Final = 1000.0


def build_curves_table(study: Study, taken: pd.DataFrame, history: History) -> ResultTable | None:
    """Return the table of a study's learning curves.

    Args:
        study: The study.
        taken: Its runs (``runs.select_planned``).
        history: Metric -> run id -> curve.

    Returns:
        The table, or None if no finished run has a curve.

    """
    found = read_learning_curves(study, taken, history)
    if not found:
        return None
    over = choose_compute_axis(found)
    compared = {asked.arm: compare_at_equal_cost(found, asked) for asked in list_contrasts(study, found.keys())}
    axes = find_varied_axes(study, study.cells)
    rows = [
        (
            *(study.cells[cell][axis] for axis in axes),
            *_learned(summarize_learning(by_seed, over)),
            *(_compared(compared.get(cell), study) if compared else ()),
        )
        for cell, by_seed in sorted(found.items())
    ]
    return ResultTable(
        name=f"{study.name}.{study.profile}.curves",
        title=f"{study.name} ({study.profile} profile): learning curves",
        warning=find_warning(study),
        lead=tuple(lead(study, "a row is compared with the row")),
        columns=(*(Column(axis, axis, "label") for axis in axes), *_columns(over), *(_COMPARED if compared else ())),
        rows=tuple(rows),
        notes=(*_notes(study, found, over), *list_origin_notes(study, taken)),
    )


def _columns(over: Cost) -> Iterator[Column]:
    unit = "thousand tokens" if over == "tokens" else "steps"
    for column in _LEARNING:
        yield replace(column, title=f"{column.title}, {unit}") if column.key == "midpoint" else column


def _learned(found: Learning) -> tuple[Entry, ...]:
    fallen = found.collapses
    low, high = fallen.interval if fallen else (0.0, 1.0)
    told = f"{len(fallen.steps)} of {fallen.n} [{low:.2f}, {high:.2f}]" if fallen else ""
    steps = ", ".join(str(step) for step in sorted(fallen.steps.values())) if fallen else ""
    return (
        found.area,
        found.ceiling or MissingScore(found.trouble),
        _scaled(found.midpoint, found.over) or MissingScore(),
        found.slope or MissingScore(),
        f"{told}, from step {steps}" if steps else told,
    )


def _scaled(midpoint: Estimate | None, over: Cost) -> Estimate | None:
    if midpoint is None or over != "tokens":
        return midpoint
    return Estimate(midpoint.mean / _THOUSAND, midpoint.std / _THOUSAND, midpoint.n)


def _compared(found: EqualCost | None, study: Study) -> tuple[Entry, ...]:
    if found is None:
        return ("baseline" if study.baseline else MissingScore(), *(MissingScore() for _ in _COMPARED[1:]))
    return (
        _accuracy(found.steps, "no seed in common"),
        _accuracy(found.tokens, "not counted"),
        _accuracy(found.seconds, "not counted"),
        found.tokens.area if found.tokens else MissingScore(),
        *((side.ratio if side else None) or MissingScore() for side in (found.tokens, found.seconds)),
    )


def _accuracy(found: AtBudget | None, reason: str) -> Entry:
    return found.accuracy if found else MissingScore(reason)


def _notes(study: Study, found: LearningCurves, over: Cost) -> Iterator[str]:
    seconds = "processor" if choose_clock(study) == CPU else "wall"
    yield (
        "On-policy accuracy (rollout/accuracy): that of the policy before a step's updates, which has cost the steps "
        "before it. Area: mean over all steps, by trapezia. ± and [low, high] are 95 % Student t intervals over seeds; "
        "n or pairs in parentheses."
    )
    yield (
        f"At equal cost: arm minus baseline, paired by seed, mean of the last {LAST} points within the budget, which "
        f"is the largest that all paired runs of both arms reached, in steps, in response tokens or in {seconds} "
        "seconds of training steps. Times baseline: what the arm spends over the same steps."
    )
    yield (
        "Ceiling A, slope B and midpoint C of R0 + (A - R0) / (1 + (C / x)^B) (arXiv:2510.13786), x in "
        f"{'response tokens' if over == 'tokens' else 'steps'}, fitted run by run. A ceiling is known where half its "
        f"95 % profile interval is at most {KNOWN_WITHIN}, and is given where it is known for every seed."
    )
    yield (
        f"Collapsed: trailing means of {WINDOW} points end below half the best gain (half the best level where there "
        "was none), and by ten points or three deviations of a point below the best; the step from which they stay "
        "there; share of seeds with its 95 % Wilson interval in brackets."
    )
    for kind, metric in (("tokens", TOKENS), ("seconds", choose_clock(study))):
        if count := count_unknown_costs(found, "tokens" if kind == "tokens" else "seconds"):
            yield f"{count} runs did not record {metric} and are left out of comparisons at equal {kind}."
    axes = find_varied_axes(study, study.cells)
    if gone := [name_cell(axes, labels) for cell, labels in enumerate(study.cells) if cell not in found]:
        yield f"No curve of a finished run: {join_limited(gone)}."
