"""The table of a factorial analysis: one row per main effect or interaction."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from analysis.stats import Factorial, TermEffect, analyze_factorial, resolution
from analysis.study import find_varied_axes, find_warning, format_labels, name_cell
from analysis.tables.notes import list_origin_notes
from analysis.tables.scores import Column, MissingScore, ResultTable
from harness.common import join_limited
from harness.records import LEAST_SEEDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from analysis.tables.scores import Entry
    from harness.records import Study


def build_factorial_table(study: Study, taken: pd.DataFrame) -> ResultTable | None:
    """Return the factorial analysis of a study's runs (``runs.select_planned``).

    Returns None if its cells form no factorial design.
    """
    found = analyze_factorial(study, taken)
    if found is None:
        return None
    return ResultTable(
        name=f"{study.name}.{study.profile}.factorial",
        title=f"{study.name} ({study.profile} profile): main effects and interactions",
        warning=find_warning(study),
        lead=tuple(_lead(study, found)),
        columns=tuple(_columns(study, found)),
        rows=tuple(tuple(_row(effect, found)) for effect in found.effects),
        notes=(*_notes(study, found), *list_origin_notes(study, taken)),
    )


def _lead(study: Study, found: Factorial) -> Iterator[str]:
    yield study.question
    levels = found.design.levels
    shape = " x ".join(str(len(labels)) for labels in levels.values())
    if found.design.words:
        texts = [f"{' x '.join(word)} = +1" for word in found.design.words]
        yield (
            f"A fraction of the {shape} cross of {', '.join(levels)}: {join_limited(texts)}; resolution "
            f"{resolution(found.design.words)}. An axis' first label is -1, its second +1."
        )
    else:
        yield f"A full {shape} cross of {', '.join(levels)}."


def _columns(study: Study, found: Factorial) -> Iterator[Column]:
    yield Column("effect", "effect", "label")
    yield Column("kind", "kind", "label")
    yield Column("difference", f"difference of {study.metric}", "gap")
    yield Column("p", "p", "number")
    yield Column("p adjusted", "p, adjusted", "number")
    if found.design.words:
        yield Column("aliases", "not told apart from", "mark")


def _row(effect: TermEffect, found: Factorial) -> Iterator[Entry]:
    yield str(effect.term)
    yield "main" if len(effect.term.steps) == 1 else "interaction"
    yield effect.difference or MissingScore("no seed has all cells")
    yield _p(effect.p)
    yield _p(effect.p_adjusted)
    if found.design.words:
        yield "; ".join(effect.aliases) or "clear"


def _p(value: float) -> str:
    if not isfinite(value):
        return ""
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"


def _notes(study: Study, found: Factorial) -> Iterator[str]:
    axes = find_varied_axes(study, study.cells)
    yield (
        "A main effect is a mean over the cells that differ in this axis alone; an interaction is by how much the "
        "second step changes the effect of the first: a difference of two differences. Each has one value a seed; "
        "difference, 95 % Student t interval [low, high] and p (paired t) are over seeds, their number in parentheses."
    )
    yield (
        "All of it is exploratory: p is adjusted by Benjamini and Hochberg's rule, over the main effects and over the "
        f"interactions apart.{_few(found)}"
    )
    if found.design.words:
        yield (
            "A fraction cannot tell apart what stands in one row: the difference belongs to the sum of all of them. "
            "Interactions of three and more axes are taken for nothing."
        )
    if found.failed:
        yield (
            "A run that failed for a reason of its cell is the worst outcome: p of the effects that it is part of is "
            "that of exact signed ranks with the failures last, and differences are of the seeds that all finished."
        )
    yield from _cells(study, found, axes)
    for cell, seeds in found.missing:
        yield f"Without a score: {name_cell(axes, study.cells[cell])}, seed {', '.join(map(str, seeds))}."
    if found.missing:
        yield f"Only seeds with all {len(found.design.cells)} cells count: {_numbers(found.seeds)}."


def _few(found: Factorial) -> str:
    return f" {len(found.seeds)} seeds are fewer than the {LEAST_SEEDS} of a test." * (len(found.seeds) < LEAST_SEEDS)


def _cells(study: Study, found: Factorial, axes: tuple[str, ...]) -> Iterator[str]:
    """Yield notes on cells that are missing from the design or replaced by a twin."""
    if found.design.absent:
        texts = [format_labels(labels) for labels in found.design.absent]
        yield f"No reading, as points of the fraction are not planned: {join_limited(texts)}."
    if found.design.left_out:
        texts = [name_cell(axes, study.cells[cell]) for cell in found.design.left_out]
        yield f"Left out, as they are in no full cross with the others: {join_limited(texts)}."
    if found.stand_ins:
        texts = [
            f"{name_cell(axes, study.cells[one])} as {name_cell(axes, study.cells[of])}" for one, of in found.stand_ins
        ]
        yield f"Twins that did not run, counted as those that did: {join_limited(texts)}."


def _numbers(seeds: tuple[int, ...]) -> str:
    return ", ".join(map(str, seeds)) or "none"
