"""A token that one policy finds e^10000 times as likely as another: the update stays finite."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.tricks.batches import example, in_both_precisions, rollouts, rule
from tests.tricks.rules import RULES, loss_and_gradient
from tricks.dialects.own_tricks import ProbabilityMask
from tricks.regularization import KlLoss
from tricks.surrogates import Clip, ClippedWeight, SequenceClip, max_log_ratio


@in_both_precisions
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("far", [1e4, -1e4])
def test_infinite_ratios_give_a_finite_loss_and_gradient(name: str, far: float, dtype: torch.dtype) -> None:
    # e^10000 is infinite in every float: one token of each response has moved that far.
    batch = example(dtype)
    log_probs = batch.old_log_probs.clone()
    log_probs[:, 0] += far
    loss, gradient = loss_and_gradient(RULES[name], batch, log_probs)
    assert loss.isfinite()
    assert gradient.isfinite().all()


@in_both_precisions
@pytest.mark.parametrize("advantage", [1.0, -1.0])
@pytest.mark.parametrize("bound", [None, 1e3])
@pytest.mark.parametrize("cls", [Clip, SequenceClip, ClippedWeight])
def test_without_a_bound_a_ratio_ends_where_floats_do(
    cls: type[Clip], bound: float | None, advantage: float, dtype: torch.dtype
) -> None:
    batch = rollouts([advantage] * 2, [0, 0], dtype=dtype)
    log_probs = torch.tensor([[1e4], [-1e4]], dtype=dtype)
    loss, gradient = loss_and_gradient(rule(trick=cls(log_ratio_bound=bound)), batch, log_probs)
    assert loss.isfinite()
    assert gradient.isfinite().all()


@in_both_precisions
@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
@pytest.mark.parametrize("gradient", ["own", "score_function", "k2"])
def test_without_a_bound_a_divergence_is_finite_too(estimator: str, gradient: str, dtype: torch.dtype) -> None:
    batch = rollouts([0.0] * 2, [0, 0], dtype=dtype, ref_log_probs=torch.tensor([[1e4], [-1e4]], dtype=dtype))
    unbounded = KlLoss(1.0, estimator, gradient, log_ratio_bound=None, value_bound=None)
    loss, found = loss_and_gradient(rule(kl=unbounded), batch, torch.zeros(2, 1, dtype=dtype))
    assert loss.isfinite()
    assert found.isfinite().all()


@pytest.mark.parametrize("advantage", [1.0, -1.0])
def test_the_probability_bound_of_prime_rl_stops_an_infinite_ratio(advantage: float) -> None:
    batch = replace(rollouts([advantage] * 2, [0, 0]), old_log_probs=torch.full((2, 1), -1.0))
    loss, found = loss_and_gradient(rule(mask=ProbabilityMask()), batch, torch.tensor([[1e4], [-1e4]]))
    assert loss.isfinite()
    assert found.isfinite().all()


@pytest.mark.parametrize("name", ["token_whitening", "group_norm", "kl_reward", "kl_to_go"])
def test_references_and_samplers_that_lie_far_away_give_finite_advantages(name: str) -> None:
    batch = example(ref_log_probs=example().ref_log_probs - 1e4, sampler_log_probs=example().old_log_probs + 1e4)
    signal = rule(name, "truncated_is").signal(batch)
    assert signal.advantages.isfinite().all()
    assert signal.token_weights.isfinite().all()


@pytest.mark.parametrize(("dtype", "end"), [(torch.float32, 80), (torch.float64, 701)])
def test_a_ratio_where_floats_end_has_room_for_an_advantage(dtype: torch.dtype, end: int) -> None:
    found = max_log_ratio(torch.zeros(1, dtype=dtype))
    assert int(found) == end
    assert (torch.tensor(found, dtype=dtype).exp() * 1000).isfinite()
