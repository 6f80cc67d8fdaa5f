from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.tricks.batches import SETUP, assert_agree, rollouts, rule
from tricks.filtering import DynamicSampling, OverlongFilter, ZeroVarianceFilter

# Lengths 3 5 5 2 under a limit of 5. The engine cut the second, the third ended exactly at the limit, the last stopped
# on another token than EOS.
BATCH = rollouts(
    [1.0, 0.0, 1.0, 0.0],
    [0] * 4,
    lengths=[3, 5, 5, 2],
    truncated=[False, True, False, False],
    ended=torch.tensor([True, False, True, False]),
    max_response_length=5,
)


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({}, [True, False, True, True]),
        ({"truncation": "last_token"}, [True, False, True, False]),
        ({"truncation": "length"}, [True, False, False, True]),
        ({"truncation": "length", "limit": 3}, [False, False, False, True]),
        ({"truncation": "padded_length"}, [True, False, False, True]),
    ],
)
def test_each_meaning_of_truncated_keeps_other_responses(settings: dict[str, object], kept: list[bool]) -> None:
    assert OverlongFilter(**settings).keep_samples(BATCH).tolist() == kept


def test_the_longest_response_counts_as_cut_by_the_padded_width_wherever_the_limit_lies() -> None:
    wide = replace(BATCH, max_response_length=50)
    assert OverlongFilter("padded_length").keep_samples(wide).tolist() == [True, False, False, True]
    assert OverlongFilter("length").keep_samples(wide).tolist() == [True] * 4


def test_the_last_token_gives_way_to_the_engine_where_it_is_not_known() -> None:
    unknown = replace(BATCH, ended=None)
    assert OverlongFilter("last_token").keep_samples(unknown).tolist() == [True, False, True, True]


def test_without_a_limit_the_padded_width_is_one() -> None:
    unknown = replace(BATCH, max_response_length=None)
    assert OverlongFilter("length").keep_samples(unknown).tolist() == [True, False, False, True]


def test_filtered_samples_leave_the_loss_and_its_denominator() -> None:
    # The token mean of raw rewards over 3 + 5 + 2 tokens; the filtered 0 has none to give.
    update_rule = rule("overlong_filter", "token_mean")
    given = update_rule.signal(BATCH)
    assert given.response_mask.sum(dim=1).tolist() == [3, 0, 5, 2]
    assert given.sampled_mask.sum(dim=1).tolist() == [3, 5, 5, 2]
    loss = update_rule.loss(torch.zeros(4, 5), given, update_rule.loss_weights(given))
    assert_agree(loss, -(3 + 5) / 10)


def test_numerator_in_keeps_the_tokens_of_the_loss_and_shrinks_the_denominator() -> None:
    # ROLL's rejection: all fifteen tokens are in the loss, ten in the denominator.
    rewards = torch.tensor([1.0, 1.0, 1.0, 0.0])
    update_rule = rule("token_mean", overlong=OverlongFilter(numerator="in"))
    given = update_rule.signal(replace(BATCH, rewards=rewards))
    assert given.response_mask.sum(dim=1).tolist() == [3, 5, 5, 2]
    assert_agree(update_rule.loss(torch.zeros(4, 5), given, update_rule.loss_weights(given)), -(3 + 5 + 5) / 10)


def test_a_strict_filter_beside_a_lenient_one_still_takes_its_samples_from_the_loss() -> None:
    lenient, strict = OverlongFilter(numerator="in"), OverlongFilter("length", limit=3)
    given = rule("token_mean", lenient=lenient, strict=strict).signal(BATCH)
    assert given.response_mask.sum(dim=1).tolist() == [0, 0, 0, 2]
    assert given.counted is not None
    assert given.counted.sum(dim=1).tolist() == [0, 0, 0, 2]


# Groups named 4 and 0, interleaved: rewards 1 1 1 and 0.5 0.25.
MIXED = rollouts([1.0, 0.5, 1.0, 0.25, 1.0], [4, 0, 4, 0, 4])


def test_groups_of_equal_rewards_are_left_out() -> None:
    assert ZeroVarianceFilter().keep_samples(MIXED).tolist() == [False, True, False, True, False]


@pytest.mark.parametrize("reward", [-1.0, 0.0, 1.0])
def test_rewards_are_equal_whatever_they_are(reward: float) -> None:
    assert not ZeroVarianceFilter().keep_samples(rollouts([reward] * 3, [0] * 3)).any()
    assert not DynamicSampling().accept_groups(rollouts([reward] * 3, [0] * 3)).any()


@pytest.mark.parametrize(("tolerance", "kept"), [(0.24, True), (0.25, False)])
def test_rewards_within_the_tolerance_count_as_equal(tolerance: float, kept: bool) -> None:
    assert ZeroVarianceFilter(tolerance).keep_samples(MIXED).tolist() == [False, kept, False, kept, False]


def test_dynamic_sampling_refuses_groups_of_equal_rewards() -> None:
    assert DynamicSampling().accept_groups(MIXED).tolist() == [False, True, False, True, False]
    assert rule("dynamic_sampling").accepted(MIXED).tolist() == [False, True, False, True, False]


def test_dynamic_sampling_leaves_the_update_alone() -> None:
    with_it, without = (rule(*names).signal(MIXED) for names in (("dynamic_sampling",), ()))
    assert torch.equal(with_it.response_mask, without.response_mask)
    assert torch.equal(with_it.advantages, without.advantages)


def test_without_a_trick_every_group_is_accepted() -> None:
    assert rule().accepted(MIXED).tolist() == [True] * 5
    assert rule().resampling is None
    assert rule("dynamic_sampling").resampling == "dynamic_sampling"


@pytest.mark.parametrize(
    ("trick", "reasons"),
    [
        (OverlongFilter("length", limit=9), ["limit=9 exceeds rollout.max_response_length=8"]),
        (OverlongFilter("length", limit=8), []),
        (OverlongFilter(), []),
        (DynamicSampling(rounds=0), ["with rounds=0 and at_cap=fill every group stays"]),
        (DynamicSampling(rounds=0, at_cap="short"), []),
        (DynamicSampling(), []),
    ],
    ids=repr,
)
def test_a_filter_says_when_nothing_can_be_filtered(
    trick: OverlongFilter | DynamicSampling, reasons: list[str]
) -> None:
    assert list(trick.no_effect_reasons(SETUP)) == reasons
