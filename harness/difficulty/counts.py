"""How many of k samples of a problem are right, over the problems of a tier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.measures import Measure, standard_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.data.stored import Tier
    from harness.outcomes import Evaluation
    from harness.problems.problem import Problem


@dataclass(frozen=True, slots=True)
class Counts:
    """Of the asked problems of a tier: the share by number right, from 0 to k, and the mean pass rate."""

    tier: str
    headline: str  # of the tier's card
    asked: int
    too_long: int
    shares: tuple[float, ...]  # k + 1, of the asked problems
    rate: Measure


def count(name: str, headline: str, evaluation: Evaluation) -> Counts:
    """Count the right samples of every problem that was asked; at least one was."""
    asked = evaluation.asked
    right = evaluation.right[asked].sum(axis=1)
    samples = evaluation.right.shape[1]
    shares = np.bincount(right, minlength=samples + 1) / len(right)
    rate = Measure(float(right.mean() / samples), standard_error(right / samples))
    return Counts(name, headline, int(asked.sum()), int((~asked).sum()), tuple(shares.tolist()), rate)


def within(tier: Tier, evaluation: Evaluation, low: float, high: float) -> tuple[Problem, ...]:
    """The tier's asked problems, in its order, whose pass rate lies in low..high, both included."""
    rates = _rates(evaluation)
    return tuple(problem for problem in tier.problems if low <= rates.get(problem.problem_id, -1.0) <= high)


def _rates(evaluation: Evaluation) -> Mapping[str, float]:
    triples = zip(evaluation.problem_ids, evaluation.asked, evaluation.right.mean(axis=1), strict=True)
    return {problem: float(rate) for problem, asked, rate in triples if asked}
