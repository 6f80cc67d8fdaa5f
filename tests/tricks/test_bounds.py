from __future__ import annotations

import pytest
import torch

from tests.tricks.batches import assert_agree, in_both_precisions, rollouts, rule
from tricks.normalization import Normalize
from tricks.rewards import AdvantageClip, RewardClip


@in_both_precisions
@pytest.mark.parametrize(
    ("settings", "expected"),
    [({}, [-1.0, -0.5, 0.0, 1.0]), ({"low": -2.0, "high": 0.5}, [-2.0, -0.5, 0.0, 0.5])],
)
def test_rewards_are_held_within_the_bounds(
    settings: dict[str, float], expected: list[float], dtype: torch.dtype
) -> None:
    rewards = torch.tensor([-3.0, -0.5, 0.0, 1.5], dtype=dtype)
    assert_agree(RewardClip(**settings).clip_rewards(rewards), expected)


@in_both_precisions
@pytest.mark.parametrize(
    ("settings", "expected"), [({}, [[-5.0, 0.0], [5.0, 1.0]]), ({"low": -1.0, "high": 2.0}, [[-1.0, 0.0], [2.0, 1.0]])]
)
def test_advantages_are_held_within_the_bounds_of_any_shape(
    settings: dict[str, float], expected: list[list[float]], dtype: torch.dtype
) -> None:
    advantages = torch.tensor([[-9.0, 0.0], [7.0, 1.0]], dtype=dtype)
    assert_agree(AdvantageClip(**settings).clip_advantages(advantages), expected)
    assert_agree(AdvantageClip(**settings).clip_advantages(advantages[:, :1]), [row[:1] for row in expected])


def test_rewards_are_bounded_before_and_advantages_after_normalisation() -> None:
    # Rewards 3 and -3 become 1 and -1, their deviations from the mean sqrt(2), over which they are +-0.7071; the
    # advantages are then held at +-0.5.
    batch = rollouts([3.0, -3.0], [0, 0])
    parts = {"norm": Normalize("group", "group", eps=0.0), "before": RewardClip(), "after": AdvantageClip(-0.5, 0.5)}
    assert_agree(rule(norm=parts["norm"], before=parts["before"]).signal(batch).advantages, [[0.5**0.5], [-(0.5**0.5)]])
    assert_agree(rule(**parts).signal(batch).advantages, [[0.5], [-0.5]])
