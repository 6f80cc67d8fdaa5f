"""What a model's answers to a set of problems come to, each mean with its standard error.

The problems are the clusters: samples of one problem are alike, so that a mean over N problems with k samples
each has the error of N values, not of N k.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from harness.outcomes import Evaluation

_RIGHT: Final = object()  # the candidate that all right answers vote for, however they are written


@dataclass(frozen=True, slots=True)
class Measure:
    """A mean over problems and its standard error; None for one problem, whose error nothing tells."""

    mean: float
    se: float | None


def measures(evaluation: Evaluation) -> dict[str, Measure]:
    """Accuracy (avg@k), pass@k and majority (maj@k) over all problems, the others over those that were asked.

    With a reward function also its mean score, over all problems.
    """
    asked, right = evaluation.asked, evaluation.right
    found = {
        "accuracy": Measure(float(right.mean()), standard_error(right.mean(axis=1))),
        "pass": _over(pass_at_k(right, right.shape[1])),
        "majority": _over(majority(right, evaluation.answers)),
    }
    if evaluation.scores is not None:
        found["score"] = Measure(float(evaluation.scores.mean()), standard_error(evaluation.scores.mean(axis=1)))
    if asked.any():
        found["length"] = _over(evaluation.lengths[asked].mean(axis=1))
        found["truncated"] = _over(evaluation.truncated[asked].mean(axis=1))
        found["undecided"] = _over(evaluation.undecided[asked].mean(axis=1))
    return found


def passes(right: NDArray[np.bool_]) -> dict[int, Measure]:
    """pass@k for k of 1, 2, 4, ... and for all n samples."""
    n = right.shape[1]
    return {k: _over(pass_at_k(right, k)) for k in sorted({*(1 << power for power in range(n.bit_length())), n})}


def across(evaluations: Mapping[str, Evaluation]) -> dict[str, Measure]:
    """``overall`` of benchmarks; pass@k and maj@k only where all have the same k."""
    found = overall(measures(evaluation) for evaluation in evaluations.values())
    if len({evaluation.right.shape[1] for evaluation in evaluations.values()}) > 1:
        del found["pass"], found["majority"]
    return found


def overall(parts: Iterable[Mapping[str, Measure]]) -> dict[str, Measure]:
    """The mean over benchmarks, each counting the same: se = sqrt(sum of se^2) / their number."""
    by_name: dict[str, list[Measure]] = {}
    for part in parts:
        for name, measure in part.items():
            by_name.setdefault(name, []).append(measure)
    return {name: _mean(found) for name, found in by_name.items()}


def standard_error(values: NDArray[np.float64]) -> float | None:
    """Of the mean of N values, one a problem: their deviation (n - 1) over the root of N."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None


def pass_at_k(right: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """Unbiased chance (N,) that one of k of a problem's n samples is right (arXiv:2107.03374, eq. 1)."""
    n = right.shape[1]
    return np.array([1.0 - math.comb(n - count, k) / math.comb(n, k) for count in right.sum(axis=1).tolist()])


def majority(right: NDArray[np.bool_], answers: NDArray[np.object_]) -> NDArray[np.float64]:
    """Chance (N,) that the answer with the most votes of a problem's k samples is right; ties share it.

    All right answers are one candidate; equal normal forms ``answers`` (N, k) are one; None does not vote.
    """
    return np.array([_credit(*row) for row in zip(right.tolist(), answers.tolist(), strict=True)])


def _credit(right: Sequence[bool], answers: Sequence[str | None]) -> float:
    pairs = zip(right, answers, strict=True)
    votes = Counter(_RIGHT if good else answer for good, answer in pairs if good or answer is not None)
    most = max(votes.values(), default=0)
    first = [candidate for candidate, count in votes.items() if count == most]
    return 1 / len(first) if _RIGHT in first else 0.0


def _over(values: NDArray[np.float64]) -> Measure:
    return Measure(float(values.mean()), standard_error(values))


def _mean(parts: Sequence[Measure]) -> Measure:
    errors = [part.se for part in parts if part.se is not None]
    known = len(errors) == len(parts)
    se = math.sqrt(sum(error * error for error in errors)) / len(parts) if known else None
    return Measure(fmean(part.mean for part in parts), se)
