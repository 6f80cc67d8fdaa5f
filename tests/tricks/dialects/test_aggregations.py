"""Denominators in each dialect, by value: weights of six responses, one of them filtered."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.tricks.dialects.spoken import batch, rule, spoken
from tricks.api import TrickError

LENGTHS = [1, 2, 3, 4, 5, 6]  # 21 tokens; the last response is truncated, 15 tokens stay
NORMS = {"prime_rl": "group_mean", "open_instruct": "group_mean"}


def weights(
    emulate: str, aggregation: str, norm: str = "group_norm", filtered: str = "overlong_filter", **settings: Any
):
    """The weight of each response's tokens where the last response is filtered; six in one group, limit 8."""
    tricks: dict[str, dict[str, Any]] = {norm: {}, aggregation: settings}
    if filtered:
        tricks[filtered] = {}
    chosen = rule(emulate, **tricks)
    sampled = batch(
        [1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        lengths=LENGTHS,
        truncated=[5],
        ended=torch.tensor([True] * 5 + [False]),
        max_response_length=6 if emulate == "roll" else 8,
    )
    return chosen.loss_weights(chosen.signal(sampled))[:, 0]


def close(found: torch.Tensor, expected: list[float]) -> None:
    """Fail where weights differ."""
    assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=0)


@pytest.mark.parametrize(("emulate", "tokens"), [("trl", 15), ("roll", 15), ("nemo_rl", 15), ("slime", 16)])
def test_token_mean_divides_by_kept_tokens_and_in_slime_by_one_more(emulate, tokens):
    close(weights(emulate, "token_mean"), [1 / tokens] * 5 + [0.0])


@pytest.mark.parametrize(("emulate", "rows"), [("trl", 6), ("slime", 6), ("oat", 6), ("roll", 5), ("nemo_rl", 5)])
def test_sequence_mean_counts_the_filtered_response_in_three_frameworks(emulate, rows):
    close(weights(emulate, "sequence_mean"), [1 / rows / length for length in LENGTHS[:5]] + [0.0])


# verl and OpenRLHF have no filter; a response without tokens stands in.
@pytest.mark.parametrize(("emulate", "rows"), [("verl", 3), ("openrlhf", 2)])
def test_sequence_mean_counts_a_response_without_tokens_in_verl_and_not_in_openrlhf(emulate, rows):
    chosen = rule(emulate, group_norm={}, sequence_mean={})
    mask = torch.tensor([[True, True], [True, False], [False, False]])
    sampled = batch([1.0, 0.0, 0.0], lengths=[2, 2, 2], response_mask=mask)
    close(chosen.loss_weights(chosen.signal(sampled))[:, 0], [1 / rows / 2, 1 / rows, 0.0])


# 1 / (rows L): L is the padded width 6 or the limit 8; ROLL leaves the rows out.
@pytest.mark.parametrize(
    ("emulate", "weight", "norm"),
    [
        ("roll", 1 / 6, "group_mean"),
        ("trl", 1 / (6 * 8), "group_mean"),
        ("oat", 1 / (6 * 8), "group_mean"),
        ("slime", 1 / (6 * 8), "group_mean"),
    ],
)
def test_constant_length_with_a_filtered_response(emulate, weight, norm):
    close(weights(emulate, "constant_length", norm), [weight] * 5 + [0.0])


@pytest.mark.parametrize(("emulate", "weight"), [("verl", 1 / (6 * 6)), ("open_instruct", 1 / (6 * 8))])
def test_constant_length_is_the_padded_width_in_verl(emulate, weight):
    close(weights(emulate, "constant_length", "group_mean", filtered=""), [weight] * 6)


def test_verl_takes_another_constant_length():
    close(weights("verl", "constant_length", "group_mean", filtered="", length=10), [1 / (6 * 10)] * 6)


@pytest.mark.parametrize(("emulate", "rows"), [("verl", 6), ("roll", 6), ("slime", 6)])
def test_sequence_sum_divides_by_responses(emulate, rows):
    close(weights(emulate, "sequence_sum", filtered=""), [1 / rows] * 6)


@pytest.mark.parametrize(
    "emulate", ["verl", "trl", "roll", "openrlhf", "areal", "nemo_rl", "open_instruct", "prime_rl", "slime"]
)
def test_token_mean_is_the_same_in_nine_frameworks_where_nothing_is_filtered(emulate):
    close(weights(emulate, "token_mean", NORMS.get(emulate, "group_norm"), filtered=""), [1 / 21] * 6)


@pytest.mark.parametrize(
    "emulate", ["verl", "trl", "roll", "openrlhf", "areal", "nemo_rl", "open_instruct", "prime_rl", "slime"]
)
def test_no_framework_averages_by_prompt(emulate):
    with pytest.raises(TrickError, match=r"^prompt_mean: .* got scope=prompt; choose one of these"):
        spoken(emulate, "prompt_mean")


@pytest.mark.parametrize(("norm", "aggregation"), [("group_norm", "constant_length"), ("group_mean", "sequence_mean")])
def test_oats_learner_of_math_has_each_correction_of_dr_grpo_alone(norm, aggregation):
    """oat/experiment/run_math_rl.py:336 and 348: remove_len_bias and remove_std_bias."""
    chosen = rule("oat", **{norm: {}, aggregation: {}}).tricks
    assert set(chosen) == {norm, aggregation}
    assert chosen[aggregation].count == "all"


@pytest.mark.parametrize("emulate", ["trl", "openrlhf"])
def test_entropy_is_a_token_mean_whatever_the_loss_in_two_frameworks(emulate):
    with pytest.raises(TrickError, match=f"^entropy_bonus: {emulate} averages entropy over tokens"):
        rule(emulate, group_norm={}, sequence_mean={}, entropy_bonus={})
