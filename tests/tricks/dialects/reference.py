"""Losses of the frameworks written down once more, from their formulas, in plain torch and without our tricks.

Every function takes the batch, the log-probs of a policy that has moved and the keep mask (B,) of its filter, and gives
the loss of an update over contiguous groups of four. Sources: the ``where`` of the dialects' rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from tricks.batch import Rollouts

GROUP: Final = 4


def verl_grpo(batch: Rollouts, now: Tensor) -> Tensor:
    """Group norm, dual clip at 3, sequence mean."""
    mask = batch.response_mask
    losses = _clipped(batch, now, _group_norm(batch, 1e-6), high=0.2, dual=3.0, bound=20.0)
    return ((losses * mask).sum(1) / mask.sum(1)).sum() / len(mask)


def verl_reinforce_pp(batch: Rollouts, now: Tensor) -> Tensor:
    """Returns to go less k1, whitened over tokens with n - 1 and rsqrt(var + 1e-8), token mean."""
    mask = batch.response_mask
    divergence = ((batch.old_log_probs - batch.ref_log_probs) * mask).double()
    returns = batch.rewards.double()[:, None] - 1e-3 * divergence.flip(1).cumsum(1).flip(1)
    values = returns[mask]
    whitened = (returns - values.mean()) * torch.rsqrt(values.var() + 1e-8)
    return (_clipped(batch, now, whitened, high=0.2, dual=3.0, bound=20.0) * mask).sum() / mask.sum()


def trl_dapo_static(batch: Rollouts, now: Tensor) -> Tensor:
    """Group norm with epsilon 1e-4, upper bound 0.28, responses without EOS out of numerator and denominator."""
    mask = batch.response_mask & batch.ended[:, None]
    losses = _clipped(batch, now, _group_norm(batch, 1e-4), high=0.28)
    return (losses * mask).sum() / mask.sum()


def trl_grpo_masked(batch: Rollouts, now: Tensor) -> Tensor:
    """The same in the sequence mean, which counts the masked responses."""
    mask = batch.response_mask & batch.ended[:, None]
    losses = _clipped(batch, now, _group_norm(batch, 1e-4), high=0.2)
    return ((losses * mask).sum(1) / mask.sum(1).clamp(min=1)).mean()


def roll_lite_ppo(batch: Rollouts, now: Tensor) -> Tensor:
    """Group mean over the deviation of the raw rewards of the batch, token mean."""
    rewards = batch.rewards.double()
    advantages = (rewards - _group_mean(rewards)) / (rewards.std() + 1e-6)
    return _token_mean(_clipped(batch, now, advantages[:, None], high=0.2), batch)


def openrlhf_reinforce_baseline(batch: Rollouts, now: Tensor) -> Tensor:
    """Group mean, whitened over tokens with n and a floored variance, k2 as a loss, token mean."""
    mask = batch.response_mask
    centred = (batch.rewards.double() - _group_mean(batch.rewards.double()))[:, None].expand(mask.shape)
    values = centred[mask]
    whitened = (centred - values.mean()) * values.var(unbiased=False).clamp(min=1e-8).rsqrt()
    divergence = 1e-3 * ((now - batch.ref_log_probs) ** 2 / 2).clamp(max=10)
    return _token_mean(_clipped(batch, now, whitened, high=0.2, bound=20.0) + divergence, batch)


def areal_gspo(batch: Rollouts, now: Tensor) -> Tensor:
    """Group norm with epsilon 1e-5, one ratio a response, averaged over tokens."""
    losses = _sequence_clipped(batch, now, _group_norm(batch, 1e-5))
    return _token_mean(losses.expand(batch.response_mask.shape), batch)


def openrlhf_gspo(batch: Rollouts, now: Tensor) -> Tensor:
    """Group norm with epsilon 1e-9, one ratio a response, averaged over responses."""
    return _sequence_clipped(batch, now, _group_norm(batch, 1e-9)).mean()


def nemo_rl_grpo(batch: Rollouts, now: Tensor) -> Tensor:
    """Leave-one-out mean and sqrt(E[x^2] - E[x]^2) in float32, k3 times exp(x - sg(x)), sequence mean."""
    rewards, mask = batch.rewards.float(), batch.response_mask
    rows = []
    for row, reward in enumerate(rewards):
        first = row // GROUP * GROUP
        others = torch.cat([rewards[first:row], rewards[row + 1 : first + GROUP]])
        mean = others.sum() / 3
        spread = ((others.square().sum() / 3 - mean.square()) * (torch.tensor(3.0) / 2)).sqrt().nan_to_num(0)
        rows.append((reward - mean) / (spread + 1e-6 if spread > 0 else 1.0))
    log_ratio = (batch.ref_log_probs - now).clamp(-20, 20)
    divergence = ((log_ratio.exp() - 1 - log_ratio) * (now - now.detach()).exp()).clamp(-10, 10)
    losses = _clipped(batch, now, torch.stack(rows)[:, None].to(now.dtype), high=0.2) + 1e-2 * divergence
    return ((losses * mask).sum(1) / mask.sum(1)).mean()


def open_instruct_cispo(batch: Rollouts, now: Tensor) -> Tensor:
    """Group norm with n in the variance, weights bounded above alone, token mean."""
    rewards = batch.rewards.double()
    spread = rewards.view(-1, GROUP).std(dim=1, unbiased=False).repeat_interleave(GROUP)
    advantages = ((rewards - _group_mean(rewards)) / (spread + 1e-8))[:, None]
    weight = (now - batch.old_log_probs).exp().clamp(max=1.272).detach()
    return _token_mean(-advantages * weight * now, batch)


def oat_dr_grpo(batch: Rollouts, now: Tensor) -> Tensor:
    """Group mean, sums over the length limit, truncated responses zeroed but counted."""
    advantages = (batch.rewards.double() - _group_mean(batch.rewards.double()))[:, None]
    sums = (_clipped(batch, now, advantages, high=0.2) * batch.response_mask).sum(1) / batch.max_response_length
    return (sums * ~batch.truncated).mean()


def prime_rl_default(batch: Rollouts, now: Tensor) -> Tensor:
    """Group mean, probability mask at 0.2, squared log-ratio on every token, token mean."""
    advantages = (batch.rewards.double() - _group_mean(batch.rewards.double()))[:, None]
    assert batch.sampler_log_probs is not None
    log_ratio = now - batch.sampler_log_probs
    moved = now.exp() - batch.sampler_log_probs.exp()
    kept = ~torch.where(advantages > 0, moved > 0.2, moved < -0.2)
    return _token_mean(-(kept * advantages * log_ratio.exp()) + 1e-3 * log_ratio**2, batch)


def slime_dapo_static(batch: Rollouts, now: Tensor) -> Tensor:
    """Group norm, upper bound 0.28, a filtered response adds one token to the denominator."""
    mask = batch.response_mask & ~batch.truncated[:, None]
    losses = _clipped(batch, now, _group_norm(batch, 1e-6), high=0.28)
    return (losses * mask).sum() / mask.sum(1).clamp(min=1).sum()


def ms_swift_weighed_kl(batch: Rollouts, now: Tensor) -> Tensor:
    """Group norm with epsilon 1e-4, k3 in the loss, the geometric mean of learner over sampler on both, token mean."""
    assert batch.sampler_log_probs is not None
    assert batch.ref_log_probs is not None
    mask = batch.response_mask
    gap = (batch.old_log_probs - batch.sampler_log_probs).masked_fill(~mask, 0.0)
    weight = (gap.sum(1) / mask.sum(1)).exp().clamp(max=2.0)[:, None]
    log_ratio = (batch.ref_log_probs - now).clamp(-20, 20)
    divergence = 0.04 * (log_ratio.exp() - log_ratio - 1).clamp(-10, 10)
    return _token_mean(weight * (_clipped(batch, now, _group_norm(batch, 1e-4), high=0.2) + divergence), batch)


def skyrl_default(batch: Rollouts, now: Tensor) -> Tensor:
    """Group norm with epsilon 1e-6 in the token mean, and k3 in the sequence mean."""
    mask = batch.response_mask
    log_ratio = (batch.ref_log_probs - now).clamp(-20, 20)
    divergence = (log_ratio.exp() - log_ratio - 1).clamp(-10, 10)
    surrogate = _token_mean(_clipped(batch, now, _group_norm(batch, 1e-6), high=0.2, bound=20.0), batch)
    return surrogate + 1e-2 * ((divergence * mask).sum(1) / mask.sum(1)).mean()


Reference = Callable[[Rollouts, Tensor], Tensor]


def _group_mean(rewards: Tensor) -> Tensor:
    return rewards.view(-1, GROUP).mean(dim=1).repeat_interleave(GROUP)


def _group_norm(batch: Rollouts, eps: float) -> Tensor:
    rewards = batch.rewards.double()
    spread = rewards.view(-1, GROUP).std(dim=1).repeat_interleave(GROUP)
    return ((rewards - _group_mean(rewards)) / (spread + eps))[:, None]


def _clipped(
    batch: Rollouts,
    now: Tensor,
    advantages: Tensor,
    *,
    high: float,
    dual: float | None = None,
    bound: float | None = None,
) -> Tensor:
    log_ratio = now - batch.old_log_probs
    ratio = (log_ratio if bound is None else log_ratio.clamp(-bound, bound)).exp()
    losses = torch.maximum(-advantages * ratio, -advantages * ratio.clamp(0.8, 1 + high))
    if dual is None:
        return losses
    return torch.where(advantages < 0, torch.minimum(losses, -dual * advantages), losses)


def _sequence_clipped(batch: Rollouts, now: Tensor, advantages: Tensor) -> Tensor:
    mask = batch.response_mask
    log_ratio = ((now - batch.old_log_probs) * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True)
    ratio = log_ratio.exp()
    return torch.maximum(-advantages * ratio, -advantages * ratio.clamp(1 - 3e-4, 1 + 4e-4))


def _token_mean(losses: Tensor, batch: Rollouts) -> Tensor:
    return (losses * batch.response_mask).sum() / batch.response_mask.sum()
