"""What came of every sample of an evaluation, as arrays and as Parquet."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.verify.verdict import UNDECIDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TOO_LONG: Final = "prompt_too_long"  # reason of a problem that was never asked; it counts as wrong


@dataclass(frozen=True, slots=True)
class Evaluation:
    """N problems of one benchmark with k samples each; every array is (N, k)."""

    problem_ids: tuple[str, ...]
    right: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    lengths: NDArray[np.int64]  # tokens
    answers: NDArray[np.object_]  # normal form of what the last box holds, or None
    reasons: NDArray[np.object_]  # the verifier's
    scores: NDArray[np.float64] | None = None  # from 0 to 1, by one's own reward function; None: by a verifier

    @property
    def asked(self) -> NDArray[np.bool_]:
        """Problems (N,) whose prompt was short enough to be asked."""
        return np.array(self.reasons[:, 0] != TOO_LONG, dtype=bool)

    @property
    def undecided(self) -> NDArray[np.bool_]:
        """Where (N, k) the verifier hit a limit."""
        return np.isin(self.reasons.astype(str), sorted(UNDECIDED))

    def frame(self) -> pd.DataFrame:
        """One row a sample, so that arms can be paired by problem later; ``of`` reads it back."""
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
        """The outcomes of one benchmark, as ``frame`` gives them."""
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


Evaluations = dict[str, Evaluation]  # benchmark -> its evaluation, at one moment of a run


def join(parts: Iterable[Evaluation]) -> Evaluation:
    """The problems of all parts in that order; at least one part has some."""
    return Evaluation.of(pd.concat([part.frame() for part in parts if part.problem_ids], ignore_index=True))


def outcomes_file(moments: Mapping[str, Mapping[str, Evaluation]]) -> bytes:
    """All outcomes as Parquet: the columns ``when`` and ``benchmark``, then those of ``Evaluation.frame``."""
    frames = [
        evaluation.frame().assign(when=when, benchmark=benchmark)
        for when, evaluations in moments.items()
        for benchmark, evaluation in evaluations.items()
    ]
    whole, first = pd.concat(frames, ignore_index=True), ["when", "benchmark"]
    buffer = io.BytesIO()
    whole[[*first, *whole.columns.difference(first, sort=False)]].to_parquet(buffer, index=False)
    return buffer.getvalue()
