"""Learning curves by cell, and comparison of arms at equal cost.

An arm that is better after the same steps may have sampled twice the tokens. Each comparison is paired by seed, at the
largest budget that all paired runs of both arms have reached.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from math import isfinite, nan
from statistics import fmean
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from analysis.stats import Contrast, Estimate, estimate_mean
from analysis.study import select_finished

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from harness.records import Study
    from harness.tracking import Curve

History: TypeAlias = "Callable[[str], Mapping[str, Curve]]"  # metric -> run id -> curve

ON_POLICY: Final = "rollout/accuracy"  # logged at every step; held-out scores often only at the start and the end
ENOUGH: Final = 3  # least number of points of a curve


@dataclass(frozen=True, slots=True)
class Band:
    """A cell's curve: mean, lowest and highest seed at every step that its runs logged."""

    steps: tuple[float, ...]  # or the cumulative cost
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def choose_curve_metric(study: Study, history: History) -> str:
    """Return the step metric of the study's score, or on-policy accuracy if it is too sparse."""
    held_out = _logged(study.metric)
    longest = max((len(curve) for curve in history(held_out).values()), default=0)
    return held_out if longest >= ENOUGH else ON_POLICY


def _logged(score: str) -> str:
    """Return the step metric of a final score.

    "final/aime24/avg@8" is the last value of "eval/aime24/accuracy".
    """
    words = {"avg": "accuracy", "maj": "majority"}
    name = re.sub(r"\b(\w+)@\d+$", lambda found: words.get(found[1], found[1]), score)
    return re.sub("^final/", "eval/", name)


def compute_bands(taken: pd.DataFrame, curves: Mapping[str, Curve]) -> dict[int, Band]:
    """Return the band of each cell over its finished runs."""
    points: dict[int, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    counted = select_finished(taken)
    for cell, run_id in zip(counted["cell"], counted["run_id"], strict=True):
        for step, value in curves.get(run_id, ()):
            if isfinite(value):
                points[cell][step].append(value)
    return {cell: _band(by_step) for cell, by_step in points.items()}


def _band(by_step: Mapping[int, list[float]]) -> Band:
    steps = tuple(sorted(by_step))
    values = [by_step[step] for step in steps]
    return Band(steps, tuple(map(fmean, values)), tuple(map(min, values)), tuple(map(max, values)))


if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    pass
    from harness.records import Study
    from harness.tracking import Curve

    Pair = tuple["LearningCurve", "LearningCurve"]  # arm and baseline of one seed


Array = NDArray[np.float64]
Cost = Literal["steps", "tokens", "seconds"]

COSTS: Final[tuple[Cost, ...]] = ("steps", "tokens", "seconds")
TOKENS: Final = "rollout/tokens"
CPU: Final = "seconds/cpu"
WALL: Final = "seconds/step"


@dataclass(frozen=True, slots=True, eq=False)
class LearningCurve:
    """On-policy accuracy (n,) of a run and the cumulative cost before each point.

    A step's accuracy is that of the policy before the step's updates. So its cost is that of the steps before it, and
    the first point has cost 0.
    """

    accuracy: Array
    steps: Array
    tokens: Array | None  # response tokens sampled; None if a step did not record them
    seconds: Array | None  # of ``choose_clock``; None if a step did not record them

    def cost(self, kind: Cost) -> Array | None:
        """Return the cumulative cost (n,) of a kind, which never falls; None if it is unknown."""
        return {"steps": self.steps, "tokens": self.tokens, "seconds": self.seconds}[kind]


LearningCurves = dict[int, dict[int, LearningCurve]]  # cell (its index in Study.cells) -> seed -> curve


def choose_clock(study: Study) -> str:
    """Return the metric of step time: CPU seconds on a laptop, wall-clock seconds elsewhere.

    The wall time of a laptop depends on its other work.
    """
    return CPU if study.profile == "laptop" else WALL


def read_learning_curves(study: Study, taken: pd.DataFrame, history: History) -> LearningCurves:
    """Return the learning curves of all finished runs that logged their accuracy.

    Args:
        study: The study.
        taken: Its runs (``runs.select_planned``).
        history: Metric -> run id -> curve.

    Returns:
        Cell -> seed -> learning curve.

    """
    accuracy, tokens, seconds = (history(metric) for metric in (ON_POLICY, TOKENS, choose_clock(study)))
    known: dict[str, LearningCurve] = {}
    found: LearningCurves = {}
    counted = select_finished(taken)
    for cell, seed, run_id in zip(counted["cell"], counted["seed"], counted["run_id"], strict=True):
        if run_id not in known and (points := _points(accuracy.get(run_id, ()))):
            known[run_id] = _learning_curve(points, tokens.get(run_id, ()), seconds.get(run_id, ()))
        if run_id in known:
            found.setdefault(cell, {})[seed] = known[run_id]
    return found


def count_unknown_costs(found: LearningCurves, kind: Cost) -> int:
    """Return the number of runs whose cost of this kind is unknown."""
    return len({id(course) for by_seed in found.values() for course in by_seed.values() if course.cost(kind) is None})


def _points(curve: Curve) -> Curve:
    return tuple((step, value) for step, value in curve if step > 0 and isfinite(value))


def _learning_curve(points: Curve, tokens: Curve, seconds: Curve) -> LearningCurve:
    steps, accuracy = np.array(points, dtype=float).T
    return LearningCurve(accuracy, steps - 1, _before(steps, tokens), _before(steps, seconds))


def _before(steps: Array, spent: Curve) -> Array | None:
    """Return the cumulative cost before each of ``steps``; None if a step has no record."""
    by_step = dict(_points(spent))
    if not by_step.keys() >= set(range(1, int(steps[-1]))):
        return None
    total = np.cumsum([0.0, *(by_step[step] for step in range(1, int(steps[-1])))])
    return np.asarray(total[steps.astype(int) - 1])


LAST: Final = 5  # points; a single step is noisy


@dataclass(frozen=True, slots=True)
class AtBudget:
    """Arm minus baseline at a common budget, paired by seed."""

    budget: float  # steps, response tokens or seconds
    accuracy: Estimate  # mean of the last LAST on-policy points within the budget
    area: Estimate  # mean accuracy over the whole budget: the normalized area under the curve
    ratio: Estimate | None  # cost of the arm over that of the baseline, for the same steps; None for steps


@dataclass(frozen=True, slots=True)
class EqualCost:
    """A contrast at equal steps, tokens and seconds; None if no pair recorded that cost."""

    contrast: Contrast
    steps: AtBudget | None
    tokens: AtBudget | None
    seconds: AtBudget | None


def compare_at_equal_cost(found: LearningCurves, contrast: Contrast) -> EqualCost:
    """Return one contrast at equal cost."""
    arm, baseline = found.get(contrast.arm, {}), found.get(contrast.baseline, {})
    pairs = [(arm[seed], baseline[seed]) for seed in sorted(arm.keys() & baseline.keys())]
    return EqualCost(contrast, *(_at_budget(pairs, kind) for kind in COSTS))


def compute_level(course: LearningCurve, kind: Cost, budget: float) -> float:
    """Return the mean of the last LAST accuracies within the budget.

    It uses fewer points if the budget contains fewer.

    Args:
        course: A run's learning curve.
        kind: The kind of cost.
        budget: The budget, in steps, response tokens or seconds.

    Raises:
        ValueError: The run did not record this cost.

    """
    return float(course.accuracy[_known(course, kind) <= budget][-LAST:].mean())


def area(course: LearningCurve, kind: Cost, budget: float | None = None) -> float:
    """Return the mean accuracy up to the budget: the normalized area under the curve.

    Args:
        course: A run's learning curve.
        kind: The kind of cost.
        budget: The budget, in steps, response tokens or seconds; None for the whole curve.

    Returns:
        The area by the trapezoidal rule, divided by the budget.

    Raises:
        ValueError: The run did not record this cost.

    """
    cost = _known(course, kind)
    end = float(cost[-1]) if budget is None else budget
    inside = cost < end
    x = np.append(cost[inside], end)
    y = np.append(course.accuracy[inside], np.interp(end, cost, course.accuracy))
    return float(np.trapezoid(y, x) / (end - x[0])) if end > x[0] else float(y[-1])


def _known(course: LearningCurve, kind: Cost) -> Array:
    cost = course.cost(kind)
    if cost is None:
        raise ValueError(f"the run did not record its {kind}")
    return cost


def _at_budget(pairs: Sequence[Pair], kind: Cost) -> AtBudget | None:
    counted = [pair for pair in pairs if all(course.cost(kind) is not None for course in pair)]
    if not counted:
        return None
    budget = min(float(_known(course, kind)[-1]) for pair in counted for course in pair)
    accuracy = estimate_mean(
        compute_level(arm, kind, budget) - compute_level(back, kind, budget) for arm, back in counted
    )
    areas = estimate_mean(area(arm, kind, budget) - area(back, kind, budget) for arm, back in counted)
    ratios = None if kind == "steps" else estimate_mean(_ratio(pair, kind) for pair in counted)
    return AtBudget(budget, accuracy, areas, ratios) if accuracy and areas else None


def _ratio(pair: Pair, kind: Cost) -> float:
    """Return the cost ratio over the steps that both runs made; nan if the baseline's is 0."""
    common = min(course.steps[-1] for course in pair)
    arm, baseline = (float(np.interp(common, course.steps, _known(course, kind))) for course in pair)
    return arm / baseline if baseline else nan
