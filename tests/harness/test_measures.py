from __future__ import annotations

import math

import numpy as np
import pytest

from harness.records.outcomes import (
    TOO_LONG,
    Measure,
    average_measures,
    compute_measures,
    majority_at_k,
    pass_at_k,
    standard_error,
)
from tests.harness.test_outcomes import EVALUATION, RIGHT


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_pass_at_k_is_the_chance_that_one_of_k_draws_is_right(k: int) -> None:
    # One right of four: 1 - C(3, k) / C(4, k) = k / 4.
    assert pass_at_k(RIGHT, k).tolist() == pytest.approx([k / 4, 0.0, 1.0])


@pytest.mark.parametrize(("right", "k"), [(3, 2), (5, 4), (1, 8)])
def test_pass_at_k_matches_the_binomial_form(right: int, k: int) -> None:
    row = np.array([[True] * right + [False] * (8 - right)])
    assert pass_at_k(row, k)[0] == pytest.approx(1 - math.comb(8 - right, k) / math.comb(8, k))


@pytest.mark.parametrize(
    ("votes", "share"),
    [
        ("1! 1! 2 3", 1.0),
        ("1! 2 2 3", 0.0),
        ("1! 2 3 4", 1 / 4),
        ("1! 1! 2 2", 1 / 2),
        ("1! - - -", 1.0),
        ("- - - -", 0.0),
        ("2 2 2 -", 0.0),
        ("1/2! 0.5! 3 3", 1 / 2),
        ("1/2! 0.5! 3 -", 1.0),
    ],
)
def test_the_majority_votes_by_answers_and_right_ones_vote_together(votes: str, share: float) -> None:
    written = votes.split()
    right = np.array([[one.endswith("!") for one in written]])
    answers = np.array([[None if one == "-" else one.rstrip("!") for one in written]], dtype=object)
    assert majority_at_k(right, answers).tolist() == [share]


def test_a_standard_error_is_clustered_by_problem() -> None:
    # Means 1/4, 0 and 1 over samples: the deviation of three values, not of twelve.
    means = [0.25, 0.0, 1.0]
    centre = sum(means) / 3
    deviation = math.sqrt(sum((mean - centre) ** 2 for mean in means) / 2)
    assert compute_measures(EVALUATION)["accuracy"] == Measure(5 / 12, pytest.approx(deviation / math.sqrt(3)))


def test_all_measures_of_a_small_case() -> None:
    found = {name: measure.mean for name, measure in compute_measures(EVALUATION).items()}
    assert found == pytest.approx(
        {
            "accuracy": 5 / 12,
            "pass": 2 / 3,
            "majority": (0 + 0 + 1) / 3,  # "2" beats the right "1"; nothing is voted; all vote for "3"
            "length": 5.5,
            "truncated": 7 / 12,
            "undecided": 5 / 12,
        }
    )


def test_one_problem_has_no_standard_error() -> None:
    assert standard_error(np.array([0.5])) is None


def test_benchmarks_count_the_same_whatever_their_size() -> None:
    parts = [{"accuracy": Measure(0.2, 0.03)}, {"accuracy": Measure(0.6, 0.04)}]
    assert average_measures(parts)["accuracy"] == Measure(pytest.approx(0.4), pytest.approx(0.025))
    assert average_measures([*parts, {"accuracy": Measure(0.1, None)}])["accuracy"].se is None


def test_problems_that_were_never_asked_are_wrong_and_have_no_length() -> None:
    never = EVALUATION.frame()
    never.loc[never.problem_id == "c", ["right", "length", "reason"]] = [False, 0, TOO_LONG]
    found = compute_measures(type(EVALUATION).of(never))
    assert found["accuracy"].mean == pytest.approx(1 / 12)
    assert found["length"].mean == pytest.approx(np.arange(8).mean())
