"""A run's learning curve beside what it had cost so far: steps, response tokens, seconds."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.curves import ON_POLICY
from analysis.frame import finished

if TYPE_CHECKING:
    import pandas as pd

    from analysis.curves import History
    from harness.records import Study
    from harness.store_read import Curve

Array = NDArray[np.float64]
Cost = Literal["steps", "tokens", "seconds"]

COSTS: Final[tuple[Cost, ...]] = ("steps", "tokens", "seconds")
TOKENS: Final = "rollout/tokens"
CPU: Final = "seconds/cpu"
WALL: Final = "seconds/step"


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """On-policy accuracy (n,) of a run, and what the policy behind each point had cost.

    A step's accuracy is that of the policy before the step's updates. So its cost is that of the steps before it,
    and the first point has cost nothing.
    """

    accuracy: Array
    steps: Array
    tokens: Array | None  # response tokens sampled; None where a step did not count them
    seconds: Array | None  # of ``clock``; None likewise

    def cost(self, kind: Cost) -> Array | None:
        """What each point had cost (n,), never falling."""
        return {"steps": self.steps, "tokens": self.tokens, "seconds": self.seconds}[kind]


Courses = dict[int, dict[int, Course]]  # cell (its place in Study.cells) -> seed -> course


def clock(study: Study) -> str:
    """The metric of a step's seconds: of the processor on a laptop, whose wall time depends on its other work."""
    return CPU if study.profile == "laptop" else WALL


def courses(study: Study, taken: pd.DataFrame, history: History) -> Courses:
    """The courses of all finished runs (``taken``: ``frame.planned``) that logged their accuracy."""
    accuracy, tokens, seconds = (history(metric) for metric in (ON_POLICY, TOKENS, clock(study)))
    known: dict[str, Course] = {}
    found: Courses = {}
    counted = finished(taken)
    for cell, seed, run_id in zip(counted["cell"], counted["seed"], counted["run_id"], strict=True):
        if run_id not in known and (points := _points(accuracy.get(run_id, ()))):
            known[run_id] = _course(points, tokens.get(run_id, ()), seconds.get(run_id, ()))
        if run_id in known:
            found.setdefault(cell, {})[seed] = known[run_id]
    return found


def lacking(found: Courses, kind: Cost) -> int:
    """Runs whose cost of this kind is not known."""
    return len({id(course) for by_seed in found.values() for course in by_seed.values() if course.cost(kind) is None})


def _points(curve: Curve) -> Curve:
    return tuple((step, value) for step, value in curve if step > 0 and isfinite(value))


def _course(points: Curve, tokens: Curve, seconds: Curve) -> Course:
    steps, accuracy = np.array(points, dtype=float).T
    return Course(accuracy, steps - 1, _before(steps, tokens), _before(steps, seconds))


def _before(steps: Array, spent: Curve) -> Array | None:
    """What the steps before each of ``steps`` have spent; None unless each of them has said so."""
    by_step = dict(_points(spent))
    if not by_step.keys() >= set(range(1, int(steps[-1]))):
        return None
    total = np.cumsum([0.0, *(by_step[step] for step in range(1, int(steps[-1])))])
    return np.asarray(total[steps.astype(int) - 1])
