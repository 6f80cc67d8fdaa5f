from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from tests.tricks.batches import SETUP, assert_agree, in_both_precisions, mask_of, rollouts, rule, signal
from tricks.regularization import KlLoss, KlReward, KlToGo

# x = log ref - log pi of one response of four tokens.
X = [0.5, -1.0, 0.0, 2.0]
VALUE = {"k1": lambda x: -x, "k2": lambda x: x * x / 2, "k3": lambda x: math.exp(x) - 1 - x}
# Factors of grad log pi, worked out by hand: d(-x) = 1, d(x^2/2) = -x, d(e^x - 1 - x) = 1 - e^x. Times pi / sg(pi),
# the value is added: 1 - x, x^2/2 - x and -x, which is k2's.
GRADIENT = {
    ("k1", "own"): lambda x: 1.0,
    ("k2", "own"): lambda x: -x,
    ("k3", "own"): lambda x: 1 - math.exp(x),
    ("k1", "score_function"): lambda x: 1 - x,
    ("k2", "score_function"): lambda x: x * x / 2 - x,
    ("k3", "score_function"): lambda x: -x,
    ("k1", "k2"): lambda x: -x,
    ("k2", "k2"): lambda x: -x,
    ("k3", "k2"): lambda x: -x,
}


def value_and_gradient(trick: KlLoss, x: list[float], dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    leaf = torch.full((1, len(x)), -2.0, dtype=dtype).requires_grad_()
    given = signal([0.0], len(x), dtype=dtype, ref_log_probs=leaf.detach() + torch.tensor([x], dtype=dtype))
    value = trick.token_losses(leaf, None, given)
    return value, torch.autograd.grad(value.sum(), leaf)[0]


@in_both_precisions
@pytest.mark.parametrize(("estimator", "gradient"), GRADIENT)
def test_each_estimator_has_the_value_and_the_gradient_of_its_formula(
    estimator: str, gradient: str, dtype: torch.dtype
) -> None:
    found = value_and_gradient(KlLoss(0.25, estimator, gradient), X, dtype)
    assert_agree(found[0], [[0.25 * VALUE[estimator](x) for x in X]])
    assert_agree(found[1], [[0.25 * GRADIENT[estimator, gradient](x) for x in X]])


@in_both_precisions
@pytest.mark.parametrize(
    ("settings", "x", "value", "gradient"),
    [
        ({"estimator": "k1", "log_ratio_bound": 2.0}, 3.0, -2.0, 0.0),
        ({"estimator": "k1", "log_ratio_bound": 2.0}, -3.0, 2.0, 0.0),
        ({"estimator": "k3", "value_bound": 10.0}, 3.0, 10.0, 0.0),  # e^3 - 4 = 16.1
        ({"estimator": "k3", "value_bound": None}, 3.0, math.exp(3) - 4, 1 - math.exp(3)),
        ({"estimator": "k1", "value_bound": 2.0}, 3.0, -2.0, 0.0),
        ({"estimator": "k1", "log_ratio_bound": None, "value_bound": None}, 100.0, -100.0, 1.0),
        # The straight gradient is that of k2 even where the value is held: the bound is one of values.
        ({"estimator": "k3", "gradient": "k2", "value_bound": 4.0}, 3.0, 4.0, -3.0),
    ],
)
def test_bounds_hold_the_log_ratio_and_the_estimate(
    settings: dict[str, object], x: float, value: float, gradient: float, dtype: torch.dtype
) -> None:
    found = value_and_gradient(KlLoss(1.0, **settings), [x], dtype)
    assert_agree(found[0], [[value]])
    assert_agree(found[1], [[gradient]])


@in_both_precisions
@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_a_response_loses_the_sum_of_its_tokens_and_each_token_what_is_to_come(
    estimator: str, dtype: torch.dtype
) -> None:
    lengths, table = [3, 1], [[0.5, -1.0, 2.0], [1.5, 9.0, 9.0]]
    old = torch.full((2, 3), -1.5, dtype=dtype)
    ref = old + torch.tensor(table, dtype=dtype)
    batch = rollouts([0.0] * 2, [0] * 2, lengths=lengths, dtype=dtype, old_log_probs=old, ref_log_probs=ref)
    k = [[VALUE[estimator](x) for x in row[:n]] for row, n in zip(table, lengths, strict=True)]
    assert_agree(KlReward(0.25, estimator).shape_rewards(batch), [-0.25 * sum(row) for row in k])
    to_go = [[-0.25 * sum(row[t:]) for t in range(3)] for row in k]
    assert_agree(KlToGo(0.25, estimator).shape_advantages(batch), to_go)


@in_both_precisions
@pytest.mark.parametrize(
    ("settings", "expected"),
    [({"log_ratio_bound": 2.0}, 2 * -2.0), ({"value_bound": 3.0}, 2 * -3.0), ({}, 2 * -5.0)],
)
def test_the_divergence_of_a_response_is_bounded_token_by_token(
    settings: dict[str, float], expected: float, dtype: torch.dtype
) -> None:
    # Two tokens of x = 5 under k1, whose value is -5; the reward loses it, so it gains.
    ref = torch.full((1, 2), 5.0, dtype=dtype)
    batch = rollouts([0.0], [0], lengths=[2], dtype=dtype, ref_log_probs=ref)
    assert_agree(KlReward(1.0, **settings).shape_rewards(batch), [-expected])
    assert_agree(KlToGo(1.0, **settings).shape_advantages(batch), [[-expected, -expected / 2]])


def test_the_loss_of_a_divergence_is_added_to_the_surrogate_and_averaged_with_it() -> None:
    # Advantages 1 and 1 at ratio 1 give -1 a token; x = ln 2 gives k3 = 1 - ln 2. The token mean is over 3 tokens.
    batch = rollouts([1.0, 1.0], [0, 0], lengths=[2, 1], ref_log_probs=torch.full((2, 2), math.log(2)))
    update_rule = rule("token_mean", kl=KlLoss(0.5))
    given = update_rule.signal(batch)
    loss = update_rule.loss(torch.zeros(2, 2), given, update_rule.loss_weights(given))
    assert_agree(loss, -1 + 0.5 * (1 - math.log(2)))


def test_padding_never_reaches_the_divergence() -> None:
    ref = torch.full((2, 3), 1.0).masked_fill(~mask_of([3, 1]), torch.nan)
    batch = rollouts([0.0] * 2, [0] * 2, lengths=[3, 1], ref_log_probs=ref)
    assert KlReward().shape_rewards(batch).isfinite().all()
    assert KlToGo().shape_advantages(batch).isfinite().all()


@pytest.mark.parametrize("trick", [KlLoss(), KlReward(), KlToGo()])
def test_a_weight_of_zero_is_said_to_do_nothing(trick: KlLoss | KlReward | KlToGo) -> None:
    assert list(replace(trick, coef=0.0).no_effect_reasons(SETUP)) == ["with coef=0 the KL has no weight"]
    assert not list(trick.no_effect_reasons(SETUP))
