"""Accuracy of two arms at equal cost: the same steps, the same response tokens, the same seconds.

An arm that is better after the same steps may have sampled twice the tokens for it. Each comparison is paired by
seed, at the largest budget that all paired runs of both arms have reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.inference.contrast import Contrast, contrasts
from analysis.stats import Estimate, estimate
from analysis.trajectory.course import COSTS, courses

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from analysis.curves import History
    from analysis.trajectory.course import Array, Cost, Course, Courses
    from harness.records import Study

    Pair = tuple[Course, Course]  # arm, baseline; of one seed

LAST: Final = 5  # points; a single step is noisy


@dataclass(frozen=True, slots=True)
class AtBudget:
    """Arm minus baseline at a common budget, paired by seed."""

    budget: float  # steps, response tokens or seconds
    accuracy: Estimate  # mean of the last LAST on-policy points within the budget
    area: Estimate  # mean accuracy over the whole budget: the normalised area under the curve
    ratio: Estimate | None  # what the arm spends for each unit of the baseline's, over the same steps; None for steps


@dataclass(frozen=True, slots=True)
class EqualCost:
    """A contrast at equal steps, tokens and seconds; None where no pair of runs has counted them."""

    contrast: Contrast
    steps: AtBudget | None
    tokens: AtBudget | None
    seconds: AtBudget | None


def equal_costs(study: Study, taken: pd.DataFrame, history: History) -> tuple[EqualCost, ...]:
    """Every contrast of the study, in its order. ``taken``: its runs (``frame.planned``)."""
    found = courses(study, taken, history)
    return tuple(equal_cost(found, contrast) for contrast in contrasts(study, found.keys()))


def equal_cost(found: Courses, contrast: Contrast) -> EqualCost:
    """One contrast."""
    arm, baseline = found.get(contrast.arm, {}), found.get(contrast.baseline, {})
    pairs = [(arm[seed], baseline[seed]) for seed in sorted(arm.keys() & baseline.keys())]
    return EqualCost(contrast, *(_at_budget(pairs, kind) for kind in COSTS))


def level(course: Course, kind: Cost, budget: float) -> float:
    """Mean of the last LAST accuracies within the budget, of fewer where there are not as many."""
    return float(course.accuracy[_known(course, kind) <= budget][-LAST:].mean())


def area(course: Course, kind: Cost, budget: float | None = None) -> float:
    """Mean accuracy from no cost to the budget, by default the whole course's: its normalised area (trapezia)."""
    cost = _known(course, kind)
    end = float(cost[-1]) if budget is None else budget
    inside = cost < end
    x = np.append(cost[inside], end)
    y = np.append(course.accuracy[inside], np.interp(end, cost, course.accuracy))
    return float(np.trapezoid(y, x) / (end - x[0])) if end > x[0] else float(y[-1])


def _known(course: Course, kind: Cost) -> Array:
    cost = course.cost(kind)
    if cost is None:
        raise ValueError(f"the run has not counted its {kind}")
    return cost


def _at_budget(pairs: Sequence[Pair], kind: Cost) -> AtBudget | None:
    counted = [pair for pair in pairs if all(course.cost(kind) is not None for course in pair)]
    if not counted:
        return None
    budget = min(float(_known(course, kind)[-1]) for pair in counted for course in pair)
    accuracy = estimate(level(arm, kind, budget) - level(back, kind, budget) for arm, back in counted)
    areas = estimate(area(arm, kind, budget) - area(back, kind, budget) for arm, back in counted)
    ratios = None if kind == "steps" else estimate(_ratio(pair, kind) for pair in counted)
    return AtBudget(budget, accuracy, areas, ratios) if accuracy and areas else None


def _ratio(pair: Pair, kind: Cost) -> float:
    """Over the steps that both have made; nan where these cost the baseline nothing."""
    common = min(course.steps[-1] for course in pair)
    arm, baseline = (float(np.interp(common, course.steps, _known(course, kind))) for course in pair)
    return arm / baseline if baseline else nan
