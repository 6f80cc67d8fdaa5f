from __future__ import annotations

import io
import math

import numpy as np
import pandas as pd
import pytest

from harness.evaluate import Evaluation, outcomes_file, pass_at_k

RIGHT = np.array([[True, False, False, False], [False] * 4, [True] * 4])
EVALUATION = Evaluation(("a", "b", "c"), RIGHT, np.zeros((3, 4), dtype=bool), np.full((3, 4), 5))


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_pass_at_k_is_the_chance_that_one_of_k_draws_is_right(k: int) -> None:
    # One right of four: 1 - C(3, k) / C(4, k) = k / 4.
    assert pass_at_k(RIGHT, k).tolist() == pytest.approx([k / 4, 0.0, 1.0])


@pytest.mark.parametrize(("right", "k"), [(3, 2), (5, 4), (1, 8)])
def test_pass_at_k_matches_the_binomial_form(right: int, k: int) -> None:
    row = np.array([[True] * right + [False] * (8 - right)])
    assert pass_at_k(row, k)[0] == pytest.approx(1 - math.comb(8 - right, k) / math.comb(8, k))


def test_accuracy_is_the_mean_over_problems_and_samples() -> None:
    assert EVALUATION.metrics() == pytest.approx(
        {"eval/accuracy": 5 / 12, "eval/pass": 2 / 3, "eval/length": 5.0, "eval/truncated": 0.0}
    )


def test_every_outcome_is_kept() -> None:
    rows = pd.read_parquet(io.BytesIO(outcomes_file({"start": EVALUATION, "final": EVALUATION})))
    assert len(rows) == 24
    final = rows[rows.when == "final"]
    assert final.groupby("problem_id").right.sum().to_dict() == {"a": 1, "b": 0, "c": 4}
    assert final[final.problem_id == "a"]["sample"].tolist() == [0, 1, 2, 3]
