"""Ratios, weights and divergences of tokens in each dialect, by value."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.tricks.batches import signal
from tests.tricks.dialects.spoken import batch, spoken, written
from tricks.api import TrickError
from tricks.dialects.own_tricks import ProbabilityMask


def log(ratio: float) -> Tensor:
    """The log-ratio (1, 1) of one token."""
    return torch.tensor([[math.log(ratio)]], dtype=torch.float64)


def lost(surrogate: Any, ratio: float, advantage: float, old: float = 1.0) -> float:
    """The loss of one token whose probability was ``old`` and is ``ratio`` times that."""
    return float(surrogate.surrogate(log(ratio), signal([advantage], dtype=torch.float64, old_log_probs=log(old))))


def slope(surrogate: Any, ratio: float, advantage: float = 1.0) -> float:
    """The gradient of that loss with respect to the log-prob."""
    leaf = log(ratio).requires_grad_()
    losses = surrogate.surrogate(leaf, signal([advantage], dtype=torch.float64))
    return float(torch.autograd.grad(losses.sum(), leaf)[0])


@pytest.mark.parametrize("emulate", ["verl", "nemo_rl", "slime"])
@pytest.mark.parametrize(("ratio", "weight"), [(2.0, 1.28), (1.1, 1.1), (0.5, 0.8)])
def test_cispo_bounds_the_weight_on_both_sides_in_three_frameworks(emulate, ratio, weight):
    chosen = spoken(emulate, "cispo", beside=("token_mean",), low=0.8, high=1.28)
    assert slope(chosen, ratio) == pytest.approx(-weight, rel=1e-9)


@pytest.mark.parametrize(("ratio", "weight"), [(2.0, 1.1), (1.05, 1.05), (0.5, 0.9)])
def test_roll_drops_the_bounds_of_cispo_that_are_written(ratio, weight):
    assert slope(spoken("roll", "cispo"), ratio) == pytest.approx(-weight, rel=1e-9)
    with pytest.raises(TrickError, match=r"^cispo.low: roll fixes 0.9"):
        spoken("roll", "cispo", low=0.8, high=1.28)


@pytest.mark.parametrize("emulate", ["trl", "open_instruct"])
@pytest.mark.parametrize(("ratio", "weight"), [(2.0, 1.28), (0.5, 0.5)])
def test_cispo_bounds_the_weight_above_alone_in_two(emulate, ratio, weight):
    chosen = spoken(emulate, "cispo", beside=("token_mean",), high=1.28)
    assert slope(chosen, ratio) == pytest.approx(-weight, rel=1e-9)


@pytest.mark.parametrize("emulate", ["trl", "open_instruct"])
def test_a_lower_bound_of_the_weight_is_refused_where_there_is_none(emulate):
    with pytest.raises(TrickError, match=r"^cispo.*leave emulate out$"):
        spoken(emulate, "cispo", beside=("token_mean",), low=0.8)


@pytest.mark.parametrize("emulate", ["trl", "openrlhf", "areal", "nemo_rl", "slime"])
def test_the_dual_clip_is_the_same_for_the_same_bound(emulate):
    # Ratio 5 under advantage -2: min(5 * 2, 3 * 2).
    assert lost(spoken(emulate, "dual_clip"), 5.0, -2.0) == pytest.approx(6.0, rel=1e-9)
    assert lost(spoken(emulate, "clip"), 5.0, -2.0) == pytest.approx(10.0, rel=1e-9)


@pytest.mark.parametrize("emulate", ["open_instruct", "oat"])
def test_a_dual_clip_is_refused_where_there_is_none(emulate):
    with pytest.raises(TrickError, match=rf"^dual_clip: {emulate} has no dual clip .*; choose clip"):
        spoken(emulate, "dual_clip")


@pytest.mark.parametrize("emulate", ["trl", "roll", "areal", "nemo_rl", "open_instruct", "oat", "slime"])
def test_seven_frameworks_do_not_bound_the_log_ratio(emulate):
    assert lost(spoken(emulate, "clip"), math.exp(23), -1.0) == pytest.approx(math.exp(23), rel=1e-9)


def test_openrlhf_bounds_the_log_ratio_by_20():
    assert lost(spoken("openrlhf", "clip"), math.exp(23), -1.0) == pytest.approx(math.exp(20), rel=1e-9)


def test_verl_bounds_the_log_ratio_by_20_and_the_loss_by_its_dual_clip():
    assert spoken("verl", "clip").log_ratio_bound == 20.0
    assert lost(spoken("verl", "clip"), math.exp(23), -1.0) == pytest.approx(3.0, rel=1e-9)


def test_verl_bounds_the_ratio_of_a_response_by_10():
    assert lost(spoken("verl", "gspo"), math.exp(12), -1.0) == pytest.approx(math.exp(10), rel=1e-9)


def test_oat_takes_a_clip_that_is_the_same_on_both_sides():
    chosen = spoken("oat", "clip", clip_ratio_low=0.3, clip_ratio_high=0.3)
    assert lost(chosen, 2.0, 1.0) == pytest.approx(-1.3, rel=1e-9)


# prime-rl at probability 0.4: up to 0.6 and down to 0.2 are kept. Pull 1e-3 log^2.
@pytest.mark.parametrize(
    ("ratio", "advantage", "policy_part"),
    [(1.4, 2.0, -2.8), (1.6, 2.0, 0.0), (1.6, -2.0, 3.2), (0.4, -2.0, 0.0), (0.4, 2.0, -0.8)],
)
def test_prime_rl_masks_by_the_change_of_probability(ratio, advantage, policy_part):
    expected = policy_part + 1e-3 * math.log(ratio) ** 2
    assert lost(ProbabilityMask(), ratio, advantage, old=0.4) == pytest.approx(expected, rel=1e-9)


def test_the_mask_of_prime_rl_counts_what_it_masked():
    token = signal([1.0], dtype=torch.float64, old_log_probs=log(0.4))
    assert ProbabilityMask().diagnostics(log(1.6), token)["probability_masked"].tolist() == [[True]]


def divergence(emulate: str, estimator: str, log_ratio: float, **settings: Any) -> tuple[float, float]:
    """A KL loss of one token and its gradient; ``log_ratio`` is the reference's log-prob minus the policy's."""
    beside = ("token_mean",) if emulate == "openrlhf" else ()
    chosen = spoken(emulate, "kl_loss", beside=beside, estimator=estimator, coef=1.0, **settings)
    token = signal([0.0], dtype=torch.float64, ref_log_probs=torch.tensor([[log_ratio]], dtype=torch.float64))
    leaf = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
    losses = chosen.token_losses(leaf, None, token)
    return float(losses.detach()), float(torch.autograd.grad(losses.sum(), leaf)[0])


# x = 3: k1 = -3, k2 = 4.5, k3 = e^3 - 4 = 16.09. Held to 10 in verl (k3 alone), ROLL, OpenRLHF and NeMo-RL.
@pytest.mark.parametrize(
    ("emulate", "estimator", "value"),
    [
        ("verl", "k1", -3.0),
        ("verl", "k2", 4.5),
        ("verl", "k3", 10.0),
        ("roll", "k3", 10.0),
        ("openrlhf", "k3", 10.0),
        ("nemo_rl", "k3", 10.0),
        ("trl", "k3", math.exp(3) - 4),
        ("open_instruct", "k3", math.exp(3) - 4),
        ("oat", "k3", math.exp(3) - 4),
        ("slime", "k3", math.exp(3) - 4),
    ],
)
def test_the_value_of_a_divergence_is_held_to_10_in_some(emulate, estimator, value):
    assert divergence(emulate, estimator, 3.0)[0] == pytest.approx(value, rel=1e-9)


# x = -30 under k1: 30, held to 20 then 10 in NeMo-RL, to 10 in OpenRLHF; x = -50 is held to 40 in open-instruct.
@pytest.mark.parametrize(
    ("emulate", "log_ratio", "value"),
    [
        ("verl", -30.0, 30.0),
        ("slime", -30.0, 30.0),
        ("openrlhf", -30.0, 10.0),
        ("nemo_rl", -30.0, 10.0),
        ("open_instruct", -50.0, 40.0),
    ],
)
def test_k1_is_clamped_in_some(emulate, log_ratio, value):
    assert divergence(emulate, "k1", log_ratio)[0] == pytest.approx(value, rel=1e-9)


# Factors of the gradient of the log-prob at x = 0.5: k1 gives 1, k2 -x, k3 1 - e^x; NeMo-RL adds the value itself.
@pytest.mark.parametrize(
    ("emulate", "estimator", "factor"),
    [
        ("slime", "k1", 1.0),
        ("slime", "k2", -0.5),
        ("slime", "k3", 1 - math.exp(0.5)),
        ("nemo_rl", "k1", 1.0 - 0.5),
        ("nemo_rl", "k3", -0.5),
    ],
)
def test_the_gradient_of_a_divergence(emulate, estimator, factor):
    assert divergence(emulate, estimator, 0.5)[1] == pytest.approx(factor, rel=1e-9)


# verl/trainer/ppo/core_algos.py:2208: the value is k3's, held within 20 and 10; the gradient is that of k2 of the raw
# log-ratio, which nothing holds: -x at x = 0.5, 3, 25 and -25.
@pytest.mark.parametrize(
    ("log_ratio", "value"),
    [(0.5, math.exp(0.5) - 1.5), (3.0, 10.0), (25.0, 10.0), (-25.0, 10.0), (-5.0, math.exp(-5) + 4)],
)
def test_verls_k3_plus_has_the_unbounded_gradient_of_k2(log_ratio, value):
    found = divergence("verl", "k3", log_ratio, gradient="k2")
    assert found == pytest.approx((value, -log_ratio), rel=1e-9)


# nemo_rl/algorithms/utils.py:42: the weight exp(x - sg(x)) comes before the output clamp and is a constant where the
# input clamp binds, so that a token beyond a bound has no gradient. x = 3: k3 is 16 and held at 10; x = -25: k1 is 25,
# held at 20 and 10, k2 is 312; x = -11: k1 is 11.
@pytest.mark.parametrize(
    ("estimator", "log_ratio"), [("k3", 3.0), ("k3", 25.0), ("k2", 25.0), ("k1", -25.0), ("k1", -11.0), ("k2", -5.0)]
)
def test_a_divergence_beyond_a_bound_has_no_gradient_in_nemo_rl(estimator, log_ratio):
    assert divergence("nemo_rl", estimator, log_ratio)[1] == 0.0


def test_the_weight_is_a_constant_where_the_log_ratio_is_held():
    # Without the output bound: x = 25 held at 20, k1 = -20 and no gradient at all.
    found = divergence("nemo_rl", "k1", 25.0, value_bound=None)
    assert found == (-20.0, 0.0)


# The learner gives a token e^1 times the sampler's probability, above every cap.
@pytest.mark.parametrize(("outside", "weight"), [("truncate", 2.0), ("drop", 0.0)])
@pytest.mark.parametrize("emulate", ["openrlhf", "areal", "nemo_rl", "slime", "trl", "open_instruct"])
def test_truncated_importance_truncates_or_drops(emulate, outside, weight):
    sampled = batch([1.0], sampler_log_probs=torch.tensor([[-1.0]], dtype=torch.float64))
    found = written(emulate, "truncated_is", beside=("clip",), cap=2.0, outside=outside).token_weights(sampled)
    assert found.tolist() == [[weight]]


@pytest.mark.parametrize("emulate", ["verl", "roll", "oat"])
def test_dropping_by_importance_is_refused_where_weights_are_truncated_alone(emulate):
    # verl's dropping needs a lower bound too.
    reasons = r"drops outside of two bounds|bounds the weight above alone|got .*outside=drop"
    with pytest.raises(TrickError, match=rf"^truncated_is: {emulate} .*({reasons})"):
        spoken(emulate, "truncated_is", beside=("clip",), outside="drop")
