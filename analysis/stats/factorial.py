"""Factorial designs: cells, terms and aliases, and the effect of every term.

A main effect is the mean over the cells with one label minus the mean over the cells with the other. All other labels
are the same on both sides. An interaction is the difference of two such differences: the amount by which one axis
changes the effect of the other. The unit is the seed: a term has one value per seed, and its interval and p value are
those of their mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, product
from math import isfinite, isnan, nan, prod
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from analysis.stats.contrasts import adjust_p_values
from analysis.stats.estimates import Array, Estimate, estimate_difference
from analysis.stats.paired_tests import FailedSeed, Pairs, is_higher_better, p_different, p_with_failures
from analysis.stats.twins import find_twins
from analysis.study import read_failures, read_scores
from harness.records import CONTROL_AXIS, CONTROL_OFF

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from analysis.study import Failures, Scores
    from harness.records import Study


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.records import Study

    Points = Mapping[tuple[str, ...], int]  # labels of the axes, in their order -> cell


@dataclass(frozen=True, slots=True)
class Design:
    """The points of a factorial design, as cells of the study. Controls are excluded."""

    levels: Mapping[str, tuple[str, ...]]  # axis -> its labels; the first is the reference level
    words: tuple[tuple[str, ...], ...]  # defining words of a fraction; empty for a full cross
    cells: tuple[int, ...]  # indices in Study.cells; empty if points of a fraction are not planned
    left_out: tuple[int, ...]  # planned cells that would make the cross incomplete
    absent: tuple[Mapping[str, str], ...] = ()  # points of a fraction that are not planned


def design(study: Study) -> Design | None:
    """Return the factorial design of a study, or None if its cells form no design.

    There is no design if fewer than two axes vary, or if most planned cells belong to no common full cross. If a grid
    leaves points out, labels are dropped until the rest is a full cross. Otherwise an effect would average over
    different cells on its two sides. A fraction lacks points on purpose, so it is analyzed whole or not at all.
    """
    members = [cell for cell, labels in enumerate(study.cells) if labels.get(CONTROL_AXIS, CONTROL_OFF) == CONTROL_OFF]
    levels = _levels(study, members)
    points = {tuple(study.cells[cell][axis] for axis in levels): cell for cell in members}
    if len(levels) < 2:
        return None
    return _fraction(study, levels, points) if study.fraction else _cross(levels, points)


def _levels(study: Study, members: Sequence[int]) -> dict[str, tuple[str, ...]]:
    """Return the varied axes with their labels in grid order.

    The baseline's label comes first, except in a fraction, which keeps the grid's order.
    """
    used = {axis: {study.cells[cell][axis] for cell in members} for axis in study.axes if axis != CONTROL_AXIS}
    return {
        axis: tuple(
            sorted(
                (label for label in study.axes[axis] if label in labels),
                key=lambda label: not study.fraction and label != study.baseline.get(axis, label),
            )
        )
        for axis, labels in used.items()
        if len(labels) > 1
    }


def _fraction(study: Study, levels: Mapping[str, tuple[str, ...]], points: Points) -> Design:
    """Return a fractional design. The first label of an axis has sign -1, the second +1."""
    wanted = [point for point in product(*levels.values()) if _belongs(dict(zip(levels, point, strict=True)), study)]
    absent = tuple(dict(zip(levels, point, strict=True)) for point in wanted if point not in points)
    return Design(levels, study.fraction, () if absent else tuple(points[point] for point in wanted), (), absent)


def _belongs(labels: Mapping[str, str], study: Study) -> bool:
    return all(prod(2 * study.axes[axis].index(labels[axis]) - 1 for axis in word) == 1 for word in study.fraction)


def _cross(levels: Mapping[str, tuple[str, ...]], points: Points) -> Design | None:
    kept = dict(levels)
    while absent := [point for point in product(*kept.values()) if point not in points]:
        axis, label = _worst(kept, absent)
        kept[axis] = tuple(other for other in kept[axis] if other != label)
    cells = tuple(points[point] for point in product(*kept.values()))
    varied = {axis: labels for axis, labels in kept.items() if len(labels) > 1}
    if len(varied) < 2 or 2 * len(cells) < len(points):
        return None
    return Design(varied, (), cells, tuple(sorted({*points.values()} - {*cells})))


def _worst(levels: Mapping[str, tuple[str, ...]], absent: Sequence[tuple[str, ...]]) -> tuple[str, str]:
    """Return the axis and label with the largest share of absent points; the last one if tied.

    Taking the last one keeps the baseline, which comes first.
    """
    size = prod(len(labels) for labels in levels.values())
    shares = {
        (axis, label): sum(point[place] == label for point in absent) * len(labels) / size
        for place, (axis, labels) in enumerate(levels.items())
        for label in labels
    }
    return max(reversed(shares), key=lambda level: shares[level])


@dataclass(frozen=True, slots=True)
class FactorStep:
    """A change from one label of an axis to another."""

    axis: str
    label: str
    base: str

    def __str__(self) -> str:
        return f"{self.axis}: {self.label} minus {self.base}"


@dataclass(frozen=True, slots=True)
class Term:
    """A main effect (one step) or a two-way interaction (two steps).

    An interaction is the amount by which the second step changes the effect of the first.
    """

    steps: tuple[FactorStep, ...]

    @property
    def axes(self) -> frozenset[str]:
        """The axes of the term."""
        return frozenset(step.axis for step in self.steps)

    def sign(self, labels: Mapping[str, str]) -> int:
        """Return the sign of a cell: +1, -1, or 0 if one of its labels belongs to no step."""
        return prod((labels[step.axis] == step.label) - (labels[step.axis] == step.base) for step in self.steps)

    def __str__(self) -> str:
        return str(self.steps[0]) if len(self.steps) == 1 else " x ".join(f"({step})" for step in self.steps)


def terms(found: Design) -> tuple[Term, ...]:
    """Return the main effects, then the two-way interactions, without aliased duplicates."""
    steps = {
        axis: [FactorStep(axis, label, base) for label in others] for axis, (base, *others) in found.levels.items()
    }
    mains = [Term((step,)) for axis in steps for step in steps[axis]]
    pairs = [Term(both) for one, other in combinations(steps, 2) for both in product(steps[one], steps[other])]
    return tuple(_told_apart([*mains, *pairs], found))


def aliases(term: Term, found: Design) -> tuple[str, ...]:
    """Return the axes of the other main effects and interactions that a term is aliased with."""
    group = _group(found.words)
    wanted = [*combinations(found.levels, 1), *combinations(found.levels, 2)]
    return tuple(" x ".join(axes) for axes in wanted if term.axes ^ frozenset(axes) in group)


def resolution(words: Sequence[Sequence[str]]) -> int:
    """Return the resolution of a fraction, which is the length of its shortest word.

    At resolution III main effects are aliased with two-way interactions. At IV two-way interactions are aliased with
    each other.
    """
    return min(len(word) for word in _group(words))


def _told_apart(candidates: Sequence[Term], found: Design) -> Iterator[Term]:
    group, taken = _group(found.words), list[Term]()
    for term in candidates:
        constant = term.axes in group  # its sign is +1 everywhere
        if not constant and not any(term.axes ^ other.axes in group for other in taken):
            taken.append(term)
            yield term


def _group(words: Sequence[Sequence[str]]) -> set[frozenset[str]]:
    """Return all products of one or more defining words."""
    found: set[frozenset[str]] = {frozenset()}
    for word in words:
        found |= {known ^ frozenset(word) for known in found}
    return found - {frozenset()}


@dataclass(frozen=True, slots=True)
class TermEffect:
    """The estimated effect of a term."""

    term: Term
    difference: Estimate | None  # over the complete seeds; None without any
    p: float  # two-sided, of no effect; nan below two seeds; if cells failed, with the failures ranked last
    p_adjusted: float  # Benjamini-Hochberg, over the main effects or over the interactions
    aliases: tuple[str, ...]  # terms aliased with it; the difference belongs to the sum of all of them


@dataclass(frozen=True, slots=True)
class Factorial:
    """The factorial analysis of a study."""

    design: Design
    seeds: tuple[int, ...]  # seeds with a score in every cell; only these count
    effects: tuple[TermEffect, ...]  # main effects, then interactions
    missing: tuple[tuple[int, tuple[int, ...]], ...]  # cells and their missing seeds
    failed: bool  # a seed is missing because a run failed for a reason of its arm, or possibly so
    stand_ins: tuple[tuple[int, int], ...]  # twins that did not run, and the cells whose runs replace theirs


def analyze_factorial(study: Study, taken: pd.DataFrame) -> Factorial | None:
    """Analyze a study's runs (``runs.select_planned``) as a factorial; None if there is no design."""
    found = design(study)
    if found is None:
        return None
    by_cell = read_scores(taken, study.metric)
    sources = _sources(study, found, by_cell)
    gone = read_failures(taken, study.metric)
    lost = {cell: gone[source] for cell, source in sources.items() if source in gone}
    known = {cell: _finite(by_cell.get(source, {})) for cell, source in sources.items()}
    seeds = tuple(sorted(set.intersection(*(set(scored) for scored in known.values())))) if known else ()
    seen = sorted({*study.seeds}.union(*known.values()))
    missing = ((cell, tuple(seed for seed in seen if seed not in scored)) for cell, scored in known.items())
    return Factorial(
        design=found,
        seeds=seeds,
        effects=tuple(_effects(study, found, known, seeds, lost)) if known else (),
        missing=tuple((cell, lacking) for cell, lacking in missing if lacking),
        failed=any(lost.values()),
        stand_ins=tuple((cell, source) for cell, source in sources.items() if source != cell),
    )


def _sources(study: Study, found: Design, by_cell: Scores) -> dict[int, int]:
    """Return, for each cell of the design, the cell whose runs are used for it."""
    twins = find_twins(study) if study.once else {}
    return {cell: twins[cell].of if cell in twins and cell not in by_cell else cell for cell in found.cells}


def _finite(by_seed: Mapping[int, float]) -> dict[int, float]:
    return {seed: score for seed, score in by_seed.items() if isfinite(score)}


def _effects(study: Study, found: Design, known: Scores, seeds: Sequence[int], lost: Failures) -> Iterator[TermEffect]:
    for order in (1, 2):
        family = [term for term in terms(found) if len(term.steps) == order]
        sides = [_sides(study, term, known, seeds, lost) for term in family]
        ps = [_p(pairs, study.metric) for pairs in sides]
        corrected = adjust_p_values([1.0 if isnan(p) else p for p in ps], "exploratory", len(ps))
        for term, pairs, p, p_adjusted in zip(family, sides, ps, corrected, strict=True):
            difference = estimate_difference(
                *(dict(zip(seeds, side, strict=True)) for side in (pairs.arm, pairs.baseline))
            )
            yield TermEffect(term, difference, p, nan if isnan(p) else p_adjusted, aliases(term, found))


def _p(pairs: Pairs, metric: str) -> float:
    if pairs.failed and pairs.testable:
        return p_with_failures(pairs, is_higher_better(metric))[0]
    return p_different(pairs) if len(pairs.seeds) > 1 else nan


def _sides(study: Study, term: Term, known: Scores, seeds: Sequence[int], lost: Failures) -> Pairs:
    """Return the mean scores of the cells with sign +1 and -1 by seed.

    They are doubled for interactions.
    """
    signs = {cell: term.sign(study.cells[cell]) for cell in known}
    above, below = (_mean(signs, sign, known, seeds) * len(term.steps) for sign in (1, -1))
    return Pairs(tuple(seeds), above, below, tuple(_failed(signs, known, lost)))


def _failed(signs: Mapping[int, int], known: Scores, lost: Failures) -> Iterator[FailedSeed]:
    """Yield the seeds for which cells of a term failed and no other cell is missing.

    Each side is weighted by its share of failed cells.
    """
    cells = [cell for cell, sign in signs.items() if sign]
    for seed in sorted({seed for cell in cells for seed in lost.get(cell, {})}):
        if all(seed in known[cell] or seed in lost.get(cell, {}) for cell in cells):
            above, below = (
                fmean(seed in lost.get(cell, {}) for cell in cells if signs[cell] == sign) for sign in (1, -1)
            )
            yield FailedSeed(seed, above, below, all(lost.get(cell, {}).get(seed) != "unknown" for cell in cells))


def _mean(signs: Mapping[int, int], sign: int, known: Scores, seeds: Sequence[int]) -> Array:
    cells = [cell for cell, own in signs.items() if own == sign]
    return np.asarray(np.array([[known[cell][seed] for seed in seeds] for cell in cells], dtype=float).mean(axis=0))
