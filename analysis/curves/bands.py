"""Learning curves by cell: the metric, and its mean and range over seeds."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from math import isfinite
from statistics import fmean
from typing import TYPE_CHECKING, Final

from analysis.study.frame import select_finished

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from harness.records.record import Study
    from harness.tracking.queries import Curve

    History = Callable[[str], Mapping[str, Curve]]  # metric -> run id -> curve

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
