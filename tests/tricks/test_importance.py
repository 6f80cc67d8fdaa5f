from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from tests.tricks.batches import SETUP, assert_agree, example, in_both_precisions, moved, rollouts, rule
from tricks.importance import TruncatedImportance

# Ratios of learner over sampler: 4 1.5 and 0.25, 0.5 of the second response with its padding.
RATIOS, LENGTHS = [[4.0, 1.5, 0.25], [0.5, 3.0, 1.0]], [3, 1]


def weights(dtype: torch.dtype, **settings: object) -> torch.Tensor:
    sampler = -torch.tensor(RATIOS, dtype=torch.float64).log().to(dtype)
    batch = rollouts([0.0, 0.0], [0, 0], lengths=LENGTHS, dtype=dtype, sampler_log_probs=sampler)
    return TruncatedImportance(**settings).token_weights(batch).masked_fill(~batch.response_mask, 0.0)


@in_both_precisions
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [[2.0, 1.5, 0.25], [0.5, 0.0, 0.0]]),
        ({"cap": 3.0}, [[3.0, 1.5, 0.25], [0.5, 0.0, 0.0]]),
        ({"floor": 0.4}, [[2.0, 1.5, 0.4], [0.5, 0.0, 0.0]]),
        ({"outside": "drop"}, [[0.0, 1.5, 0.25], [0.5, 0.0, 0.0]]),
        ({"outside": "drop", "floor": 0.4}, [[0.0, 1.5, 0.0], [0.5, 0.0, 0.0]]),
        # The product over the first response is 4 * 1.5 * 0.25 = 1.5; the second has one token.
        ({"level": "sequence"}, [[1.5] * 3, [0.5, 0.0, 0.0]]),
        ({"level": "sequence", "cap": 1.25}, [[1.25] * 3, [0.5, 0.0, 0.0]]),
        ({"level": "sequence", "cap": 1.25, "outside": "drop"}, [[0.0] * 3, [0.5, 0.0, 0.0]]),
        ({"level": "sequence", "floor": 0.75}, [[1.5] * 3, [0.75, 0.0, 0.0]]),
    ],
)
def test_weights_are_ratios_within_their_bounds(
    settings: dict[str, object], expected: list[list[float]], dtype: torch.dtype
) -> None:
    assert_agree(weights(dtype, **settings), expected)


def test_an_enormous_gap_gives_a_finite_weight() -> None:
    batch = rollouts([0.0] * 2, [0] * 2, sampler_log_probs=torch.tensor([[-1e4], [1e4]]))
    found = TruncatedImportance(cap=1e12).token_weights(batch)
    assert_agree(found, [[math.exp(20)], [math.exp(-20)]])


@in_both_precisions
def test_weights_multiply_the_gradient_of_their_tokens(dtype: torch.dtype) -> None:
    batch = example(dtype)
    plain, weighted = rule("token_mean"), rule("token_mean", "truncated_is")
    log_probs = moved(batch).requires_grad_()
    found = []
    for update_rule in (plain, weighted):
        signal = update_rule.signal(batch)
        loss = update_rule.loss(log_probs, signal, update_rule.loss_weights(signal))
        found.append(torch.autograd.grad(loss, log_probs)[0].double())
    gap = (batch.old_log_probs.double() - batch.sampler_log_probs.double()).exp().clamp(max=2.0)
    assert_agree(found[1].to(dtype), found[0] * gap)


def test_dropped_tokens_stay_in_the_denominator() -> None:
    # Two tokens of weight 0 and 1: the token mean still divides by two.
    batch = rollouts([1.0, 1.0], [0, 0], sampler_log_probs=torch.tensor([[-9.0], [0.0]]))
    update_rule = rule("token_mean", drop=TruncatedImportance(outside="drop"))
    signal = update_rule.signal(batch)
    assert update_rule.loss(torch.zeros(2, 1), signal, update_rule.loss_weights(signal)).item() == -0.5


@pytest.mark.parametrize(
    ("top_p", "top_k", "told"), [(0.99, 100, "top_p=0.99 and top_k=100"), (0.9, 0, "top_p=0.9"), (1.0, 7, "top_k=7")]
)
def test_under_a_cut_it_says_which_part_of_its_weights_is_the_cut(top_p, top_k, told):
    (sentence,) = TruncatedImportance().hints(replace(SETUP, top_p=top_p, top_k=top_k))
    assert sentence.startswith(f"with {told} its weights begin at the share of the mass that the cut leaves")
    assert "mismatch/cut" in sentence


def test_without_a_cut_there_is_nothing_to_say():
    assert not list(TruncatedImportance().hints(SETUP))


@pytest.mark.parametrize(("outside", "end"), [("drop", "lose their gradient"), ("truncate", "are raised to 0.5")])
def test_a_floor_meets_the_cut_too(outside, end):
    _, second = TruncatedImportance(floor=0.5, outside=outside).hints(replace(SETUP, top_p=0.3))
    assert end in second
