"""A term with an aggregation of its own: SkyRL's KL and entropy, whatever averages the surrogate."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.tricks.batches import example, moved
from tests.tricks.dialects.spoken import rule
from tricks.fired import compute_token_gradients
from tricks.rule import UpdateRule

NUMBERS = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])


def _rule(**tricks: dict[str, Any]) -> UpdateRule:
    return rule("skyrl", group_norm={}, token_mean={}, **tricks)


@pytest.mark.parametrize("tricks", [{"kl_loss": {"coef": 0.3}}, {"entropy_bonus": {"coef": 0.3}}])
def test_micro_batches_sum_up_to_the_loss_of_the_update(tricks: dict[str, dict[str, Any]]) -> None:
    chosen, sampled = _rule(**tricks), example(torch.float64)
    signal, now, entropies = chosen.signal(sampled), moved(sampled), torch.rand(8, 6, dtype=torch.float64)
    weights = chosen.loss_weights(signal, NUMBERS)
    assert weights.shape == (8, 2)
    parts = [
        chosen.loss(now[rows], signal[rows], weights[rows], entropies[rows])
        for rows in (torch.tensor([0, 1]), torch.tensor([2, 3, 4]), torch.tensor([5, 6, 7]))
    ]
    assert_close(sum(parts[1:], parts[0]), chosen.loss(now, signal, weights, entropies))


def test_the_kl_of_every_response_counts_the_same() -> None:
    chosen, plain, sampled = _rule(kl_loss={"coef": 0.3, "estimator": "k1"}), _rule(), example(torch.float64)
    signal = chosen.signal(sampled)
    gradients = [
        compute_token_gradients(each, moved(sampled), signal, each.loss_weights(signal))[0] for each in (chosen, plain)
    ]
    lengths = sampled.response_mask.sum(dim=1, keepdim=True)
    assert_close(gradients[0] - gradients[1], (0.3 / 8 / lengths * sampled.response_mask).double())


def test_a_rule_without_such_a_term_has_one_column() -> None:
    chosen, sampled = _rule(), example(torch.float64)
    assert chosen.loss_weights(chosen.signal(sampled)).shape == (8, 1)
