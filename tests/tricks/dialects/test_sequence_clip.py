"""GSPO where advantages differ within a response: three gradients, each from its formula in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tests.tricks.batches import example, moved
from tests.tricks.dialects.spoken import gradient, rule, spoken
from tricks.batch import Rollouts, Signal
from tricks.surrogates import SequenceClip

# Two responses of 3 and 2 tokens; log-ratios and advantages of their tokens, the third column of the second padding.
MASK = torch.tensor([[True, True, True], [True, True, False]])
LOG_RATIO = torch.tensor([[0.3, -0.1, 0.1], [-0.2, 0.4, 0.0]], dtype=torch.float64)
ADVANTAGES = torch.tensor([[1.0, -0.5, 0.25], [-2.0, 0.5, 9.0]], dtype=torch.float64)
WIDE = {"clip_ratio_low": 0.9, "clip_ratio_high": 0.9}
OF_THE_RESPONSE = ["trl", "roll", "openrlhf", "nemo_rl", "slime"]


def signal() -> Signal:
    return Signal(
        advantages=ADVANTAGES,
        response_mask=MASK,
        sampled_mask=MASK,
        old_log_probs=torch.zeros(2, 3, dtype=torch.float64),
        group=torch.zeros(2, dtype=torch.int64),
    )


def summed(surrogate: SequenceClip) -> tuple[float, Tensor]:
    """The losses of all tokens added up, and their gradient with respect to the log-ratios."""
    leaf = LOG_RATIO.clone().requires_grad_()
    losses = (surrogate.surrogate(torch.where(MASK, leaf, 0.0), signal()) * MASK).sum()
    return float(losses.detach()), torch.autograd.grad(losses, leaf)[0]


def chosen(emulate: str, **bounds: float) -> SequenceClip:
    beside = ("sequence_mean",) if emulate == "nemo_rl" else ()
    return spoken(emulate, "gspo", beside=beside, **bounds)


RATIOS = [math.exp(0.3 / 3), math.exp(0.2 / 2)]  # of the responses


def test_verl_moves_each_token_by_its_own_advantage():
    found = summed(chosen("verl", **WIDE))[1]
    expected = [[-RATIOS[0] * a for a in (1.0, -0.5, 0.25)], [-RATIOS[1] * a for a in (-2.0, 0.5)] + [0.0]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=0)


@pytest.mark.parametrize("emulate", OF_THE_RESPONSE)
def test_five_frameworks_move_every_token_by_the_sum_of_the_advantages(emulate):
    # d/dx_t of -s (A_1 + ... + A_n) with s = exp(mean x) is -s (A_1 + ... + A_n) / n.
    value, found = summed(chosen(emulate, **WIDE))
    assert value == pytest.approx(-RATIOS[0] * 0.75 + RATIOS[1] * 1.5, rel=1e-12)
    expected = [[-RATIOS[0] * 0.75 / 3] * 3, [RATIOS[1] * 1.5 / 2] * 2 + [0.0]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=0)


def test_areal_averages_the_advantages_of_a_response_before_it_clips():
    # Ratios e^0.1 beyond 1.05. Means 0.25 and -0.75: the first is held at 1.05 on all three tokens, the second is not.
    value, found = summed(chosen("areal", clip_ratio_low=0.05, clip_ratio_high=0.05))
    assert value == pytest.approx(3 * -1.05 * 0.25 + 2 * RATIOS[1] * 0.75, rel=1e-12)
    expected = [[0.0] * 3, [RATIOS[1] * 0.75] * 2 + [0.0]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("emulate", OF_THE_RESPONSE)
def test_the_others_clip_token_by_token(emulate):
    # Beyond 1.05 only tokens of negative advantage still move the ratio: -0.5 of the first, -2 of the second.
    value, found = summed(chosen(emulate, clip_ratio_low=0.05, clip_ratio_high=0.05))
    assert value == pytest.approx(-1.05 * 1.25 + RATIOS[0] * 0.5 + RATIOS[1] * 2 - 1.05 * 0.5, rel=1e-12)
    expected = [[RATIOS[0] * 0.5 / 3] * 3, [RATIOS[1] * 2.0 / 2] * 2 + [0.0]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-15)


def test_areal_counts_what_it_clips_by_the_mean_of_the_advantages():
    masks = chosen("areal", clip_ratio_low=0.05, clip_ratio_high=0.05).diagnostics(LOG_RATIO, signal())
    assert (masks["clip_fraction_high"] & MASK).tolist() == [[True] * 3, [False] * 3]
    assert not masks["clip_fraction_low"].any()


@pytest.mark.parametrize("emulate", ["verl", "areal", *OF_THE_RESPONSE])
def test_all_agree_where_a_response_has_one_advantage(emulate):
    one = torch.tensor([[0.5], [-1.0]], dtype=torch.float64)
    flat = Signal(one, MASK, MASK, torch.zeros(2, 3, dtype=torch.float64), torch.zeros(2, dtype=torch.int64))
    leaf = LOG_RATIO.clone().requires_grad_()
    losses = chosen(emulate, **WIDE).surrogate(torch.where(MASK, leaf, 0.0), flat)
    (found,) = torch.autograd.grad((losses * MASK).sum(), leaf)
    expected = [[-RATIOS[0] * 0.5] * 3, [RATIOS[1]] * 2 + [0.0]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=0)


def _to_go(batch: Rollouts, coef: float, value_bound: float | None) -> Tensor:
    """Group-centred rewards less k1 from each token on (B, T), groups of four."""
    rewards = batch.rewards.view(-1, 4)
    centred = (rewards - rewards.mean(dim=1, keepdim=True)).view(-1, 1)
    divergence = batch.old_log_probs - batch.ref_log_probs
    if value_bound is not None:
        divergence = divergence.clamp(-value_bound, value_bound)
    return centred - coef * (divergence * batch.response_mask).flip(1).cumsum(1).flip(1)


def _ratio(batch: Rollouts, now: Tensor) -> Tensor:
    mask = batch.response_mask
    return (((now - batch.old_log_probs) * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True)).exp()


def _least(ratio: Tensor, advantages: Tensor) -> Tensor:
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - 3e-4, 1 + 4e-4) * advantages)


def openrlhf(batch: Rollouts, now: Tensor) -> Tensor:
    mask = batch.response_mask
    losses = _least(_ratio(batch, now), _to_go(batch, 0.5, 10.0)) * mask
    return (losses.sum(1) / mask.sum(1)).mean()


def roll(batch: Rollouts, now: Tensor) -> Tensor:
    mask = batch.response_mask
    return (_least(_ratio(batch, now), _to_go(batch, 0.5, None)) * mask).sum() / mask.sum()


def areal(batch: Rollouts, now: Tensor) -> Tensor:
    mask = batch.response_mask
    advantages = (_to_go(batch, 0.5, 10.0) * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True)
    return (_least(_ratio(batch, now), advantages).expand(mask.shape) * mask).sum() / mask.sum()


@pytest.mark.parametrize("formula", [openrlhf, roll, areal], ids=lambda formula: formula.__name__)
@pytest.mark.parametrize("by", [0.01, 2.0])
def test_a_whole_update_with_divergence_to_go(formula, by):
    batch = example(torch.float64)
    tricks = {"group_mean": {}, "kl_to_go": {"coef": 0.5}, "gspo": {}, "token_mean": {}}
    leaf = moved(batch, by=by).requires_grad_()
    (wanted,) = torch.autograd.grad(formula(batch, leaf), leaf)
    found = gradient(rule(formula.__name__, **tricks), batch, leaf.detach())
    assert (found - wanted).norm() <= 1e-9 * wanted.norm()


def test_a_token_beyond_the_bound_of_the_ratio_has_no_gradient_in_verl():
    """verl/trainer/ppo/core_algos.py:1545 clamps the log-ratio, and a clamp takes the gradient."""
    leaf = torch.full((2, 3), 11.0, dtype=torch.float64, requires_grad=True)
    losses = chosen("verl", **WIDE).surrogate(torch.where(MASK, leaf, 0.0), signal())
    (found,) = torch.autograd.grad((losses * MASK).sum(), leaf)
    assert not found.any()
