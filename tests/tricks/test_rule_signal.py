from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tests.tricks.batches import assert_agree, example, moved, rollouts, rule
from tricks.aggregation import TokenMean
from tricks.batch import Rollouts, Signal
from tricks.rewards import AdvantageClip


@dataclass(frozen=True, slots=True)
class Bonus:
    amount: float

    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        return torch.full_like(rollouts.rewards, self.amount)


@dataclass(frozen=True, slots=True)
class KeepRewarded:
    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        return rollouts.rewards > 0


@dataclass(frozen=True, slots=True)
class AddToTokens:
    amount: float

    def shape_advantages(self, rollouts: Rollouts) -> Tensor:
        return torch.full_like(rollouts.old_log_probs, self.amount)


@dataclass(frozen=True, slots=True)
class Weigh:
    factor: float

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        return torch.full_like(rollouts.old_log_probs, self.factor)


@dataclass(frozen=True, slots=True)
class AddToLoss:
    amount: float

    def token_losses(self, log_probs: Tensor, entropies: Tensor | None, signal: Signal) -> Tensor:
        return torch.full_like(log_probs, self.amount)


def test_open_hooks_add_up_multiply_and_intersect() -> None:
    batch = rollouts([1.0, 0.0, 1.0, 0.0], [0] * 4, truncated=[True, False, False, False], lengths=[2, 1, 1, 1])
    signal = rule(
        "overlong_filter",
        a=Bonus(0.5),
        b=Bonus(0.25),
        c=KeepRewarded(),
        d=AddToTokens(0.125),
        e=AddToTokens(0.25),
        f=Weigh(2.0),
        g=Weigh(3.0),
    ).signal(batch)
    assert_agree(signal.advantages, [[1.75 + 0.375] * 2, [0.75 + 0.375] * 2] * 2)
    assert signal.response_mask.sum(dim=1).tolist() == [0, 0, 1, 0]
    assert_agree(signal.token_weights, [[6.0] * 2] * 4)


def test_token_weights_multiply_the_surrogate_alone() -> None:
    # Advantage 1 at ratio 1 is a loss of -1; doubled it is -2, and the term of 0.25 is added after that.
    batch = rollouts([1.0], [0])
    update_rule = rule(weigh=Weigh(2.0), add=AddToLoss(0.25), more=AddToLoss(0.5))
    signal = update_rule.signal(batch)
    assert update_rule.loss(torch.zeros(1, 1), signal, update_rule.loss_weights(signal)).item() == -2 + 0.25 + 0.5


def test_advantages_are_one_a_sample_until_a_trick_makes_them_differ() -> None:
    assert rule("group_norm").signal(example()).advantages.shape == (8, 1)
    assert rule("group_norm", "kl_to_go").signal(example()).advantages.shape == (8, 6)
    assert rule("group_norm", "token_whitening").signal(example()).advantages.shape == (8, 1)


def test_a_second_normalisation_sees_the_kept_tokens_and_comes_before_the_bound() -> None:
    # Raw rewards 1 and 3 of kept responses of one token: mean 2, deviation sqrt(2); then held at 1/2. The third,
    # truncated, counts in neither and lies at (5 - 2) / sqrt(2).
    batch = rollouts([1.0, 3.0, 5.0], [0] * 3, truncated=[False, False, True])
    whitened = rule("overlong_filter", "token_whitening").signal(batch).advantages
    assert_agree(whitened, [[-(0.5**0.5)], [0.5**0.5], [3 * 0.5**0.5]])
    held = rule("overlong_filter", "token_whitening", clip=AdvantageClip(-0.5, 0.5)).signal(batch).advantages
    assert held.tolist() == [[-0.5], [0.5], [0.5]]


def test_the_signal_carries_what_a_gradient_step_needs() -> None:
    batch = example()
    signal = rule("overlong_filter").signal(batch)
    assert torch.equal(signal.sampled_mask, batch.response_mask)
    assert torch.equal(signal.old_log_probs, batch.old_log_probs)
    assert torch.equal(signal.ref_log_probs, batch.ref_log_probs)
    assert torch.equal(signal.group, batch.group)
    assert (signal.token_weights, signal.counted, signal.max_response_length) == (None, None, 6)


def test_no_gradient_reaches_the_signal_or_the_weights() -> None:
    batch = example(old_log_probs=example().old_log_probs.requires_grad_())
    update_rule = rule("group_norm", "truncated_is", "kl_to_go")
    signal = update_rule.signal(batch)
    assert not signal.advantages.requires_grad
    assert not signal.token_weights.requires_grad
    assert not update_rule.loss_weights(signal).requires_grad


def test_without_micro_batches_the_whole_update_is_one() -> None:
    update_rule = rule("group_norm", mean=TokenMean("micro_batch"))
    signal = update_rule.signal(example())
    assert_agree(update_rule.loss_weights(signal), rule("token_mean").loss_weights(signal))


def test_the_log_ratio_is_zero_outside_the_kept_tokens() -> None:
    update_rule, batch = rule("overlong_filter"), example()
    signal = update_rule.signal(batch)
    log_probs = moved(batch).masked_fill(~batch.response_mask, torch.nan)
    found = update_rule.log_ratio(log_probs, signal)
    assert_agree(found, (moved(batch) - batch.old_log_probs).masked_fill(~signal.response_mask, 0.0).double())


def test_diagnostics_count_kept_tokens_only() -> None:
    # Ratios e^0.5 = 1.65, the first filtered, and 1.
    batch = rollouts([1.0, 1.0, 1.0], [0, 0, 0], truncated=[True, False, False])
    update_rule = rule("overlong_filter", "token_mean")
    masks = update_rule.diagnostics(torch.tensor([[0.5], [0.5], [0.0]]), update_rule.signal(batch))
    assert masks["clip_fraction_high"].tolist() == [[False], [True], [False]]


def test_a_surrogate_without_diagnostics_has_none() -> None:
    update_rule = rule("policy_gradient")
    assert update_rule.diagnostics(torch.zeros(8, 6), update_rule.signal(example())) == {}


def test_half_precision_log_probs_are_raised_before_the_ratio() -> None:
    # Old log-probs of -1 and new ones of -0.5, exact in half precision: the ratio is e^0.5 to float32's precision.
    batch = rollouts([-1.0], [0], lengths=[2])
    batch = replace(batch, old_log_probs=torch.full((1, 2), -1.0))
    update_rule = rule()
    signal = update_rule.signal(batch)
    loss = update_rule.loss(torch.full((1, 2), -0.5, dtype=torch.bfloat16), signal, update_rule.loss_weights(signal))
    assert loss.dtype == torch.float32
    assert_agree(loss, 2.718281828459045**0.5)
