from __future__ import annotations

import pytest
import torch

from tests.tricks.batches import SETUP, assert_agree, in_both_precisions, rollouts, rule
from tricks.batch import Setup
from tricks.rewards import FormatReward, LengthReward, SoftOverlong


@in_both_precisions
@pytest.mark.parametrize(
    ("settings", "limit", "lengths", "expected"),
    [
        # DAPO: 20,480 tokens with 4,096 as cache. 0 up to 16,384, -1/2 half way, -1 at the limit and beyond.
        ({}, 20480, [16384, 16385, 18432, 20480, 21000], [0.0, -1 / 4096, -0.5, -1.0, -1.0]),
        # The same shape at 64 tokens: a fifth is 12, so it begins beyond 52.
        ({}, 64, [1, 52, 53, 58, 64], [0.0, 0.0, -1 / 12, -0.5, -1.0]),
        ({"cache": 32}, 64, [32, 33, 48, 64], [0.0, -1 / 32, -0.5, -1.0]),
        ({"limit": 40, "cache": 10}, 64, [30, 35, 40, 64], [0.0, -0.5, -1.0, -1.0]),
        ({"weight": 0.25}, 64, [52, 58, 64], [0.0, -0.125, -0.25]),
        ({}, 3, [1, 2, 3], [0.0, 0.0, -1.0]),  # a fifth of 3 is at least one token
        ({}, None, [32, 36, 40], [0.0, -0.5, -1.0]),  # without a limit the padded width of 40 is one
    ],
)
def test_the_soft_punishment_grows_over_the_cache(
    settings: dict[str, float], limit: int | None, lengths: list[int], expected: list[float], dtype: torch.dtype
) -> None:
    batch = rollouts([0.0] * len(lengths), [0] * len(lengths), lengths=lengths, dtype=dtype, max_response_length=limit)
    assert_agree(SoftOverlong(**settings).shape_rewards(batch), expected)


@pytest.mark.parametrize(
    ("trick", "reasons"),
    [
        (SoftOverlong(limit=20), ["punishment begins beyond 16 tokens, rollout.max_response_length is 8"]),
        (SoftOverlong(limit=10), ["punishment begins beyond 8 tokens, rollout.max_response_length is 8"]),
        (SoftOverlong(limit=10, cache=3), []),
        (SoftOverlong(), []),
    ],
    ids=repr,
)
def test_a_punishment_that_no_response_can_reach_is_said(trick: SoftOverlong, reasons: list[str]) -> None:
    assert list(trick.no_effect_reasons(SETUP)) == reasons


@in_both_precisions
def test_the_shorter_of_a_group_is_preferred_and_a_wrong_one_never_gains(dtype: torch.dtype) -> None:
    # Lengths 2 4 6 10: lambda = 1/2 - (n - 2) / 8 is 1/2, 1/4, 0 and -1/2; a wrong answer gets min(0, lambda).
    # The second group is equally long throughout.
    batch = rollouts([1.0, 0.0, 1.0, 0.0, 1.0, 0.0], [6, 6, 6, 6, 2, 2], lengths=[2, 4, 6, 10, 3, 3], dtype=dtype)
    assert_agree(LengthReward(0.5).shape_rewards(batch), [0.25, 0.0, 0.0, -0.25, 0.0, 0.0])
    assert_agree(LengthReward().shape_rewards(batch), [0.05, 0.0, 0.0, -0.05, 0.0, 0.0])
    longer = rollouts([0.0, 1.0], [0, 0], lengths=[2, 3], dtype=dtype)
    assert_agree(LengthReward(1.0).shape_rewards(longer), [0.0, -0.5])


def test_a_response_is_right_when_its_reward_is_above_zero() -> None:
    batch = rollouts([-1.0, 0.5, 0.0], [0, 0, 0], lengths=[2, 2, 4])
    assert_agree(LengthReward(1.0).shape_rewards(batch), [0.0, 0.5, -0.5])


@in_both_precisions
def test_the_asked_form_earns_its_bonus_right_or_wrong(dtype: torch.dtype) -> None:
    batch = rollouts([1.0, 0.0, 0.0], [0] * 3, dtype=dtype, formatted=torch.tensor([True, True, False]))
    assert_agree(FormatReward().shape_rewards(batch), [0.1, 0.1, 0.0])
    assert_agree(FormatReward(0.25).shape_rewards(batch), [0.25, 0.25, 0.0])


def test_shaped_rewards_are_added_and_then_bounded() -> None:
    # 1 + 0.1 - 1 (at the limit) and 1 + 0.1 - 0, the latter bounded at 1.
    batch = rollouts([1.0, 1.0], [0, 0], lengths=[8, 1], formatted=torch.tensor([True, True]), max_response_length=8)
    shaped = rule("soft_overlong", "format_reward", "reward_clip").signal(batch).advantages
    assert_agree(shaped, [[0.1], [1.0]])


def test_the_limit_of_the_run_decides_what_is_inert() -> None:
    longer = Setup(SETUP.group_size, SETUP.prompts_per_batch, SETUP.updates_per_rollout, max_response_length=17)
    assert not list(SoftOverlong(limit=20).no_effect_reasons(longer))
