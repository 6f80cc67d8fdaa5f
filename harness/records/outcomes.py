"""Outcomes of an evaluation, and their means with standard errors."""

from __future__ import annotations

import io
import math
from collections import Counter
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from harness.verify.model import UNDECIDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd


TOO_LONG: Final = "prompt_too_long"  # reason of a problem that was not asked; it counts as incorrect


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Outcomes of N problems of one benchmark with k samples each; every array is (N, k)."""

    problem_ids: tuple[str, ...]
    right: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    lengths: NDArray[np.int64]  # tokens
    answers: NDArray[np.object_]  # normal form of the content of the last box, or None
    reasons: NDArray[np.object_]  # reasons of the verifier
    scores: NDArray[np.float64] | None = None  # from 0 to 1, by the user's reward function; None: by the verifier

    @property
    def asked(self) -> NDArray[np.bool_]:
        """The problems (N,) whose prompt was short enough to be asked."""
        return np.array(self.reasons[:, 0] != TOO_LONG, dtype=bool)

    @property
    def undecided(self) -> NDArray[np.bool_]:
        """The samples (N, k) on which the verifier hit a limit."""
        return np.isin(self.reasons.astype(str), sorted(UNDECIDED))

    def frame(self) -> pd.DataFrame:
        """Return a table with one row per sample, so that arms can be paired by problem."""
        import pandas as pd  # noqa: PLC0415 - half a second that a run need not spend before its end

        problems, samples = self.right.shape
        found = pd.DataFrame(
            {
                "problem_id": np.repeat(np.array(self.problem_ids, dtype=object), samples),
                "sample": np.tile(np.arange(samples), problems),
                "right": self.right.ravel(),
                "truncated": self.truncated.ravel(),
                "length": self.lengths.ravel(),
                "answer": pd.array(self.answers.ravel(), dtype="string"),
                "reason": pd.array(self.reasons.ravel(), dtype="string"),
            }
        )
        return found if self.scores is None else found.assign(score=self.scores.ravel())

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Self:
        """Build the outcomes of one benchmark from a table that ``frame`` returned."""
        samples = int(frame["sample"].max()) + 1
        answers = frame["answer"].astype(object)
        columns = {
            "right": frame["right"],
            "truncated": frame["truncated"],
            "lengths": frame["length"],
            "answers": answers.where(answers.notna(), None),
            "reasons": frame["reason"].astype(object),
        }
        if "score" in frame and frame["score"].notna().all():
            columns["scores"] = frame["score"]
        arrays = {name: column.to_numpy().reshape(-1, samples) for name, column in columns.items()}
        return cls(tuple(frame["problem_id"].iloc[::samples]), **arrays)


_ARRAYS: Final = ("right", "truncated", "lengths", "answers", "reasons")  # of every evaluation
Evaluations = dict[str, Evaluation]  # benchmark -> its evaluation, at one moment of a run


def join_evaluations(parts: Iterable[Evaluation]) -> Evaluation:
    """Join the problems of all parts in order; at least one part must have problems."""
    filled = [part for part in parts if part.problem_ids]
    ids = tuple(problem_id for part in filled for problem_id in part.problem_ids)
    scores = [part.scores for part in filled if part.scores is not None]
    arrays = {name: np.concatenate([getattr(part, name) for part in filled]) for name in _ARRAYS}
    return Evaluation(ids, **arrays, scores=np.concatenate(scores) if len(scores) == len(filled) else None)


def encode_outcomes(moments: Mapping[str, Mapping[str, Evaluation]]) -> bytes:
    """Return all outcomes as Parquet.

    The columns are ``when`` and ``benchmark``, then those of ``Evaluation.frame``.
    """
    import pandas as pd  # noqa: PLC0415 - as above

    frames = [
        evaluation.frame().assign(when=when, benchmark=benchmark)
        for when, evaluations in moments.items()
        for benchmark, evaluation in evaluations.items()
    ]
    whole, first = pd.concat(frames, ignore_index=True), ["when", "benchmark"]
    buffer = io.BytesIO()
    whole[[*first, *whole.columns.difference(first, sort=False)]].to_parquet(buffer, index=False)
    return buffer.getvalue()


_RIGHT: Final = object()  # the candidate of all correct answers, in whatever form they are written


@dataclass(frozen=True, slots=True)
class Measure:
    """A mean over problems and its standard error, which is None for a single problem."""

    mean: float
    se: float | None


def compute_measures(evaluation: Evaluation) -> dict[str, Measure]:
    """Return the measures of an evaluation by name.

    Accuracy (avg@k), pass@k and majority vote (maj@k) are means over all problems, and so is the score of a reward
    function. The other measures are means over the problems that were asked.
    """
    asked, right = evaluation.asked, evaluation.right
    found = {
        "accuracy": Measure(float(right.mean()), standard_error(right.mean(axis=1))),
        "pass": _over(pass_at_k(right, right.shape[1])),
        "majority": _over(majority_at_k(right, evaluation.answers)),
    }
    if evaluation.scores is not None:
        found["score"] = Measure(float(evaluation.scores.mean()), standard_error(evaluation.scores.mean(axis=1)))
    if asked.any():
        found["length"] = _over(evaluation.lengths[asked].mean(axis=1))
        found["truncated"] = _over(evaluation.truncated[asked].mean(axis=1))
        found["undecided"] = _over(evaluation.undecided[asked].mean(axis=1))
    return found


def compute_pass_at_ks(right: NDArray[np.bool_]) -> dict[int, Measure]:
    """Return pass@k for k = 1, 2, 4, ... and for all n samples."""
    n = right.shape[1]
    return {k: _over(pass_at_k(right, k)) for k in sorted({*(1 << power for power in range(n.bit_length())), n})}


def mean_over_benchmarks(evaluations: Mapping[str, Evaluation]) -> dict[str, Measure]:
    """Return the mean measures over benchmarks; pass@k and maj@k only where all have equal k."""
    found = average_measures(compute_measures(evaluation) for evaluation in evaluations.values())
    if len({evaluation.right.shape[1] for evaluation in evaluations.values()}) > 1:
        del found["pass"], found["majority"]
    return found


def average_measures(parts: Iterable[Mapping[str, Measure]]) -> dict[str, Measure]:
    """Return the mean over benchmarks with equal weights.

    The standard error is sqrt(sum of se^2) / number of benchmarks.
    """
    by_name: dict[str, list[Measure]] = {}
    for part in parts:
        for name, measure in part.items():
            by_name.setdefault(name, []).append(measure)
    return {name: _mean(found) for name, found in by_name.items()}


def standard_error(values: NDArray[np.float64]) -> float | None:
    """Return the standard error of the mean of N values, one per problem.

    It is the standard deviation (n - 1) divided by sqrt(N).
    """
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None


def pass_at_k(right: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """Return the unbiased estimate of pass@k for each problem (N,).

    ``right`` is (N, n). See arXiv:2107.03374, eq. 1.
    """
    n = right.shape[1]
    return np.array([1.0 - math.comb(n - count, k) / math.comb(n, k) for count in right.sum(axis=1).tolist()])


def majority_at_k(right: NDArray[np.bool_], answers: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the probability (N,) that the majority vote of a problem's k samples is correct.

    ``right`` and ``answers`` are (N, k). All correct answers are one candidate, and so are equal normal forms. None
    does not vote. Tied candidates have equal probability.
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
