from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from tests.tricks.batches import SETUP, rollouts
from tricks.catalog import find
from tricks.normalization import Normalize

# Two groups of four: rewards 1 0 0 0 and 1 1 1 0. Means 1/4 and 3/4, deviation (n - 1) 1/2 in both.
# The batch has mean 1/2 and deviation sqrt(8 * 1/4 / 7) = sqrt(2/7).
REWARDS, GROUP = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0], [0, 0, 0, 0, 1, 1, 1, 1]
BATCH_STD = math.sqrt(2 / 7)


def advantages(name: str, rewards: list[float] = REWARDS, group: list[int] = GROUP) -> torch.Tensor:
    spec = find(name)
    batch = rollouts(rewards, group)
    return spec.cls(**spec.settings).advantages(batch.rewards, batch)


@pytest.mark.parametrize(
    ("name", "right_in_first", "wrong_in_first", "right_in_second", "wrong_in_second"),
    [
        ("group_norm", 0.75 / 0.5, -0.25 / 0.5, 0.25 / 0.5, -0.75 / 0.5),
        ("batch_norm", 0.5 / BATCH_STD, -0.5 / BATCH_STD, 0.5 / BATCH_STD, -0.5 / BATCH_STD),
        ("group_mean", 0.75, -0.25, 0.25, -0.75),
        ("group_mean_batch_std", 0.75 / BATCH_STD, -0.25 / BATCH_STD, 0.25 / BATCH_STD, -0.75 / BATCH_STD),
    ],
)
def test_each_normaliser_gives_the_value_of_its_formula(
    name: str, right_in_first: float, wrong_in_first: float, right_in_second: float, wrong_in_second: float
) -> None:
    expected = torch.tensor([right_in_first, *[wrong_in_first] * 3, *[right_in_second] * 3, wrong_in_second])
    assert_close(advantages(name), expected, rtol=1e-5, atol=1e-5)  # epsilon 1e-6 is left out of the values above


@pytest.mark.parametrize("right", range(1, 8))
def test_group_norm_of_eight_matches_the_closed_form(right: int) -> None:
    # With p = k/8 the deviation (n - 1) is sqrt(8/7 p (1 - p)); k = 1 gives +2.475 and -0.354.
    share = right / 8
    deviation = math.sqrt(8 / 7 * share * (1 - share))
    found = advantages("group_norm", [1.0] * right + [0.0] * (8 - right), [0] * 8)
    assert_close(found[0].item(), (1 - share) / deviation, rtol=1e-5, atol=0)
    assert_close(found[-1].item(), -share / deviation, rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", ["group_norm", "batch_norm", "group_mean", "group_mean_batch_std"])
@pytest.mark.parametrize("reward", [0.0, 1.0])
def test_equal_rewards_give_no_signal(name: str, reward: float) -> None:
    assert advantages(name, [reward] * 8).abs().max() == 0


def test_without_a_normaliser_the_advantage_is_the_reward() -> None:
    batch = rollouts(REWARDS, GROUP)
    assert_close(Normalize().advantages(batch.rewards, batch), batch.rewards)


@pytest.mark.parametrize("name", ["group_norm", "batch_norm", "group_mean_batch_std"])
def test_any_deviation_cancels_the_reward_scale(name: str) -> None:
    scaled = [2 * reward - 1 for reward in REWARDS]
    assert_close(advantages(name, scaled), advantages(name), rtol=1e-5, atol=1e-5)


def test_the_mean_alone_doubles_with_the_reward_scale() -> None:
    assert_close(advantages("group_mean", [2 * reward - 1 for reward in REWARDS]), 2 * advantages("group_mean"))


@pytest.mark.parametrize("mean", ["none", "group", "batch"])
@pytest.mark.parametrize("std", ["none", "group", "batch"])
def test_every_mean_and_deviation_combine_without_broadcasting(mean: str, std: str) -> None:
    batch = rollouts(REWARDS, GROUP)
    values, groups = batch.rewards, [batch.rewards[:4], batch.rewards[4:]]
    means = {"none": torch.zeros(8), "batch": values.mean().expand(8), "group": spread([g.mean() for g in groups])}
    stds = {"none": torch.ones(8), "batch": values.std().expand(8), "group": spread([g.std() for g in groups])}
    found = Normalize(mean=mean, std=std, eps=0.0).advantages(values, batch)  # type: ignore[arg-type]
    assert_close(found, (values - means[mean]) / stds[std])


def test_groups_may_lie_in_any_order_and_have_any_ids() -> None:
    # The same groups, interleaved and numbered 7 and 3: sample i of the first at 2i, of the second at 2i + 1.
    order = [0, 4, 1, 5, 2, 6, 3, 7]
    found = advantages("group_norm", [REWARDS[i] for i in order], [7, 3] * 4)
    assert_close(found, advantages("group_norm")[order])


def test_groups_of_one_are_refused() -> None:
    alone = SETUP.__class__(1, 8, 4, 8)
    assert list(Normalize(mean="group").complaints(alone)) == [
        "a group needs at least 2 samples, rollout.group_size is 1"
    ]
    assert not list(Normalize(mean="batch", std="batch").complaints(alone))


def spread(values: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack(values).repeat_interleave(4)
