"""Which tokens a trick changes the update on, against the rule without it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.tricks.batches import example, in_both_precisions, moved, rollouts, rule
from tricks.aggregation import TokenMean
from tricks.batch import Rollouts
from tricks.fired import ablate_each_trick, compute_token_gradients, mask_changes_by_trick
from tricks.regularization import EntropyBonus, KlLoss
from tricks.rule import UpdateRule
from tricks.surrogates import Clip


def fired(update_rule: UpdateRule, name: str, batch: Rollouts, log_probs: Tensor, **others: Any) -> list[list[int]]:
    """1 for each token that the trick of that name changes."""
    ablated = {other.name: other for other in ablate_each_trick(update_rule, batch)}[name]
    return (
        mask_changes_by_trick(update_rule, [ablated], log_probs, update_rule.signal(batch), **others)[name]
        .int()
        .tolist()
    )


@in_both_precisions
def test_clip_higher_fires_on_ratios_between_the_bounds_under_a_positive_advantage(dtype: torch.dtype) -> None:
    # Between 1.2 and 1.28 the token is free with clip-higher and clipped without it.
    ratios = [0.5, 1.0, 1.19, 1.21, 1.27, 1.29]
    batch = rollouts([1.0, -1.0, 0.0], [0] * 3, lengths=[6] * 3, dtype=dtype)
    log_probs = torch.tensor([[math.log(ratio) for ratio in ratios]] * 3, dtype=dtype)
    assert fired(rule("clip_higher"), "clip_higher", batch, log_probs) == [[0, 0, 0, 1, 1, 0], [0] * 6, [0] * 6]


def test_a_clip_at_the_fillers_own_bounds_never_fires() -> None:
    assert not any(map(any, fired(rule(clip=Clip()), "clip", example(), moved(example()))))


def test_a_filter_fires_on_the_tokens_it_drops_that_had_a_gradient() -> None:
    # Three truncated responses: rewards 1 and 0, and one whose every token is clipped already. Sums of tokens, so that
    # no denominator moves.
    batch = rollouts([1.0, 0.0, 1.0, 1.0], [0] * 4, lengths=[2, 2, 1, 2], truncated=[True, True, True, False])
    log_probs = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    summed = rule("overlong_filter", total=TokenMean(count="all"))
    assert fired(summed, "overlong_filter", batch, log_probs) == [[1, 1], [0, 0], [0, 0], [0, 0]]


def test_a_filter_without_anything_to_drop_never_fires() -> None:
    batch = replace(example(), truncated=torch.zeros(8, dtype=torch.bool))
    assert not any(map(any, fired(rule("group_norm", "overlong_filter"), "overlong_filter", batch, moved(batch))))


@dataclass(frozen=True, slots=True)
class Nothing:
    """Fills four hooks with what they are without it."""

    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        return torch.zeros_like(rollouts.rewards)

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        return torch.ones_like(rollouts.old_log_probs)

    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        return torch.ones_like(rollouts.truncated)

    def shape_advantages(self, rollouts: Rollouts) -> Tensor:
        return torch.zeros_like(rollouts.old_log_probs)


def test_a_trick_that_does_nothing_fires_on_nothing() -> None:
    update_rule = rule("group_norm", nothing=Nothing())
    assert not any(map(any, fired(update_rule, "nothing", example(), moved(example()))))


@pytest.mark.parametrize(
    ("name", "batch", "expected"),
    [
        # 1/2 a response over its tokens against 1/3 a token: both differ. Raw rewards of 1 and 0: the second has none.
        ("token_mean", rollouts([1.0, 1.0], [0, 0], lengths=[2, 1]), [[1, 1], [1, 0]]),
        ("token_mean", rollouts([1.0, 0.0], [0, 0], lengths=[2, 1]), [[1, 1], [0, 0]]),
        # Responses of one length: the two means are one.
        ("token_mean", rollouts([1.0, 1.0], [0, 0], lengths=[2, 2]), [[0, 0], [0, 0]]),
        # The sequence mean is what fills the hook without it.
        ("sequence_mean", rollouts([1.0, 1.0], [0, 0], lengths=[2, 1]), [[0, 0], [0, 0]]),
    ],
)
def test_an_aggregation_fires_where_its_weights_differ_from_the_fillers(
    name: str, batch: Rollouts, expected: list[list[int]]
) -> None:
    assert fired(rule(name), name, batch, torch.zeros(batch.response_mask.shape)) == expected


def test_an_aggregation_over_micro_batches_fires_by_how_the_update_is_split() -> None:
    batch = rollouts([1.0] * 3, [0] * 3, lengths=[2, 1, 1])
    update_rule, log_probs = rule(mean=TokenMean("micro_batch")), torch.zeros(3, 2)
    alone, together = torch.tensor([0, 1, 2]), torch.tensor([0, 0, 1])
    assert not any(map(any, fired(update_rule, "mean", batch, log_probs, micro_batch=alone)))
    # Micro-batches of 3 tokens and 1: weights 1/6 1/6 and 1/2, against 1/6 1/3 1/3 of the sequence mean.
    assert fired(update_rule, "mean", batch, log_probs, micro_batch=together) == [[0, 0], [1, 0], [1, 0]]


def test_group_norm_fires_where_the_advantage_is_not_the_reward() -> None:
    # Rewards 1 0 have advantages +-0.7 instead; rewards 1 1 have none instead of 1, and 0 0 none either way.
    batch = rollouts([1.0, 0.0, 1.0, 1.0, 0.0, 0.0], [0, 0, 1, 1, 2, 2])
    assert fired(rule("group_norm"), "group_norm", batch, torch.zeros(6, 1)) == [[1], [1], [1], [1], [0], [0]]


def test_a_divergence_fires_where_the_reference_differs() -> None:
    ref = torch.tensor([[0.0, 0.5], [-0.5, 0.0]])
    batch = rollouts([1.0, 0.0], [0, 0], lengths=[2, 2], ref_log_probs=ref)
    assert fired(rule("kl_loss"), "kl_loss", batch, torch.zeros(2, 2)) == [[0, 1], [1, 0]]
    # k1 has a gradient of 1 at every token, which is no divergence's.
    assert fired(rule(kl=KlLoss(estimator="k1")), "kl", batch, torch.zeros(2, 2)) == [[1, 1], [1, 1]]
    assert fired(rule(kl=KlLoss(coef=0.0)), "kl", batch, torch.zeros(2, 2)) == [[0, 0], [0, 0]]


def test_an_entropy_bonus_fires_through_the_entropies() -> None:
    # It has no gradient to the log-probs at all, and it reaches every kept token, also one without advantage.
    batch = rollouts([1.0, 0.0], [0, 0], lengths=[2, 1])
    entropies = torch.full((2, 2), 0.7)
    update_rule = rule("entropy_bonus")
    assert fired(update_rule, "entropy_bonus", batch, torch.zeros(2, 2), entropies=entropies) == [[1, 1], [1, 0]]
    off = rule(entropy=EntropyBonus(0.0))
    assert fired(off, "entropy", batch, torch.zeros(2, 2), entropies=entropies) == [[0, 0], [0, 0]]


def test_importance_weights_fire_where_sampler_and_learner_disagree() -> None:
    batch = rollouts([1.0], [0], lengths=[3], sampler_log_probs=torch.tensor([[0.0, -0.5, 0.5]]))
    assert fired(rule("truncated_is"), "truncated_is", batch, torch.zeros(1, 3)) == [[0, 1, 1]]


def test_tricks_of_the_loop_are_left_to_the_loop() -> None:
    names = [
        other.name for other in ablate_each_trick(rule("group_norm", "dynamic_sampling", "clip_higher"), example())
    ]
    assert names == ["group_norm", "clip_higher"]


def test_several_tricks_together_are_each_compared_with_the_rule_without_it_alone() -> None:
    batch, update_rule = example(), rule("group_norm", "clip_higher", "token_mean", "overlong_filter", "kl_loss")
    log_probs, signal = moved(batch), update_rule.signal(batch)
    others = ablate_each_trick(update_rule, batch)
    found = mask_changes_by_trick(update_rule, others, log_probs, signal)
    assert list(found) == ["group_norm", "clip_higher", "token_mean", "overlong_filter", "kl_loss"]
    for other in others:
        assert torch.equal(
            found[other.name], mask_changes_by_trick(update_rule, [other], log_probs, signal)[other.name]
        )


def test_only_sampled_tokens_fire() -> None:
    batch = example()
    for name in ("group_norm", "kl_loss", "truncated_is", "cispo"):
        tokens = torch.tensor(fired(rule(name), name, batch, moved(batch))).bool()
        assert tokens.any()
        assert not (tokens & ~batch.response_mask).any()


def test_gradients_of_tokens_are_those_of_the_loss() -> None:
    # Token mean over 3 tokens of ratio 1: minus advantage over 3; entropies under a bonus of 1/2: minus 1/6.
    batch = rollouts([1.0, -2.0], [0, 0], lengths=[2, 1])
    update_rule = rule("token_mean", entropy=EntropyBonus(0.5))
    signal, entropies = update_rule.signal(batch), torch.ones(2, 2)
    found = compute_token_gradients(update_rule, torch.zeros(2, 2), signal, update_rule.loss_weights(signal), entropies)
    torch.testing.assert_close(found[0], torch.tensor([[-1 / 3, -1 / 3], [2 / 3, 0.0]]))
    torch.testing.assert_close(found[1], torch.tensor([[-1 / 6, -1 / 6], [-1 / 6, 0.0]]))


def test_comparing_leaves_no_gradient_behind() -> None:
    batch = example()
    log_probs = moved(batch).requires_grad_()
    with torch.no_grad():
        fired(rule("clip_higher"), "clip_higher", batch, log_probs)
    assert log_probs.grad is None


def test_half_of_a_batch_fires_as_it_does_within_the_whole() -> None:
    batch, update_rule = example(), rule("group_norm", "clip_higher")
    (_, other), signal, rows = ablate_each_trick(update_rule, batch), update_rule.signal(batch), slice(2, 5)
    whole = mask_changes_by_trick(update_rule, [other], moved(batch), signal)[other.name]
    assert torch.equal(
        mask_changes_by_trick(update_rule, [other[rows]], moved(batch)[rows], signal[rows])[other.name], whole[rows]
    )
