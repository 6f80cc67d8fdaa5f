"""Held-out evaluation: the same problems and the same sampling noise for every arm and seed."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.seeding import derive
from harness.tasks import verify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.engines.protocols import Decoding, Sampler
    from harness.tasks import Task

EVALUATION_SEED: Final = derive(0, "evaluation")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """N problems with k samples each; every array is (N, k)."""

    problem_ids: tuple[str, ...]
    right: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    lengths: NDArray[np.int64]  # tokens

    def metrics(self) -> dict[str, float]:
        """The means, as logged."""
        return {
            "eval/accuracy": float(self.right.mean()),
            "eval/pass": float(pass_at_k(self.right, self.right.shape[1]).mean()),
            "eval/length": float(self.lengths.mean()),
            "eval/truncated": float(self.truncated.mean()),
        }

    def outcomes(self) -> pd.DataFrame:
        """One row a sample, so that arms can be paired by problem later."""
        problems, samples = self.right.shape
        return pd.DataFrame(
            {
                "problem_id": np.repeat(self.problem_ids, samples),
                "sample": np.tile(np.arange(samples), problems),
                "right": self.right.ravel(),
                "truncated": self.truncated.ravel(),
                "length": self.lengths.ravel(),
            }
        )


def evaluate(sampler: Sampler, tasks: Sequence[Task], decoding: Decoding) -> Evaluation:
    """Answer every task ``decoding.group_size`` times and verify the responses."""
    samples = sampler.sample([task.prompt_ids for task in tasks], decoding, EVALUATION_SEED)
    shape = (len(tasks), decoding.group_size)
    return Evaluation(
        problem_ids=tuple(task.problem.problem_id for task in tasks),
        right=verify(samples, tasks).numpy().reshape(shape),
        truncated=samples.truncated.numpy().reshape(shape),
        lengths=samples.response_mask.sum(dim=1).numpy().reshape(shape),
    )


def pass_at_k(right: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """Unbiased chance (N,) that one of k of a problem's n samples is right (arXiv:2107.03374, eq. 1)."""
    n = right.shape[1]
    return np.array([1.0 - math.comb(n - count, k) / math.comb(n, k) for count in right.sum(axis=1).tolist()])


def outcomes_file(evaluations: Mapping[str, Evaluation]) -> bytes:
    """All outcomes as Parquet, with the moment of each evaluation in the column ``when``."""
    frames = [evaluation.outcomes().assign(when=when) for when, evaluation in evaluations.items()]
    buffer = io.BytesIO()
    pd.concat(frames, ignore_index=True).to_parquet(buffer, index=False)
    return buffer.getvalue()
