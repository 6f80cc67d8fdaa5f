"""Factorial analysis of a study: the effect of every term, paired by seed.

A main effect is the mean over the cells with one label minus the mean over the cells with the other. All other labels
are the same on both sides. An interaction is the difference of two such differences: the amount by which one axis
changes the effect of the other. The unit is the seed: a term has one value per seed, and its interval and p value are
those of their mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, isnan, nan
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from analysis.stats.bootstrap import Array, Estimate, estimate_difference
from analysis.stats.contrasts import adjust_p_values
from analysis.stats.design import Design, Term, aliases, design, terms
from analysis.stats.paired_test import FailedSeed, Pairs, p_different
from analysis.stats.rank_test import is_higher_better, p_with_failures
from analysis.stats.twins import find_twins
from analysis.study.frame import read_failures, read_scores

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from analysis.study.frame import Failures, Scores
    from harness.records.record import Study


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
    """Analyze a study's runs (``frame.select_planned``) as a factorial; None if there is no design."""
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
