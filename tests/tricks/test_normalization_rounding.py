from __future__ import annotations

import pytest
import torch

from tests.tricks.batches import DTYPES, assert_agree, rollouts
from tricks.normalization import Normalize

NORMALISERS = [
    Normalize(mean, std)  # type: ignore[arg-type]
    for mean in ("group", "batch", "leave_one_out")
    for std in ("none", "group", "batch", "leave_one_out")
]
NAMES = [f"{trick.mean}-{trick.std}" for trick in NORMALISERS]


def advantages(
    trick: Normalize, rewards: list[float], dtype: torch.dtype, group: list[int] | None = None
) -> torch.Tensor:
    batch = rollouts(rewards, group or [0] * len(rewards), dtype=dtype)
    return trick.advantages(batch.rewards, ~batch.truncated, batch)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("trick", NORMALISERS, ids=NAMES)
@pytest.mark.parametrize("reward", [0.0, 1.0, 0.1, -0.7, 1e9])
def test_equal_rewards_give_exactly_no_signal(trick: Normalize, reward: float, dtype: torch.dtype) -> None:
    assert advantages(trick, [reward] * 7, dtype).tolist() == [0.0] * 7


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("policy", ["eps", "keep"])
@pytest.mark.parametrize("mean", ["group", "leave_one_out"])
def test_equal_rewards_leave_no_residue_to_divide_by_epsilon(mean: str, policy: str, dtype: torch.dtype) -> None:
    trick = Normalize(mean, mean, eps=1e-9, zero_std=policy)  # type: ignore[arg-type]
    assert advantages(trick, [0.1] * 8 + [0.3] * 8, dtype, [0] * 8 + [1] * 8).tolist() == [0.0] * 16


@pytest.mark.parametrize(("reward", "residue"), [(0.1, 2**-27), (0.3, 2**-25)])
def test_a_mean_in_single_precision_leaves_the_residue_that_openrlhf_divides_by_epsilon(
    reward: float, residue: float
) -> None:
    # The residue is one unit in the last place: 7.45 and 29.8 after division by 1e-9, where ours is 0.
    trick = Normalize("group", "group", eps=1e-9, zero_std="eps", precision="single")
    assert_agree(advantages(trick, [reward] * 8, torch.float32).abs(), [residue / 1e-9] * 8)


@pytest.mark.parametrize(
    ("settings", "odd"),
    [
        # Seven rewards of 1 and one of 0.999: it lies 0.000875 below the mean, the deviation is 0.001 / sqrt(8).
        ({}, -0.000875 / (0.001 / 8**0.5 + 1e-6)),  # verl, -2.468
        ({"eps": 1e-5}, -0.000875 / (0.001 / 8**0.5 + 1e-5)),  # AReaL, -2.407
        ({"eps": 1e-4}, -0.000875 / (0.001 / 8**0.5 + 1e-4)),  # TRL, -1.929
        ({"std": "none"}, -0.000875),
    ],
)
def test_epsilon_matters_in_a_group_that_is_nearly_constant(settings: dict[str, object], odd: float) -> None:
    trick = Normalize(**{"mean": "group", "std": "group", **settings})  # type: ignore[arg-type]
    found = advantages(trick, [0.999] + [1.0] * 7, torch.float64)
    assert_agree(found, [odd] + [-odd / 7] * 7)


def test_a_leave_one_out_deviation_of_rounding_counts_as_zero() -> None:
    # The others of the odd sample are all 1: their deviation is 0 and the advantage -0.001 stays unscaled.
    # The others of each 1 have mean 1 - 0.001/7 and deviation 0.001 / sqrt(7).
    trick = Normalize("leave_one_out", "leave_one_out", zero_std="keep")
    found = advantages(trick, [0.999] + [1.0] * 7, torch.float64)
    assert_agree(found, [-0.001] + [(0.001 / 7) / (0.001 / 7**0.5 + 1e-6)] * 7)


@pytest.mark.parametrize("size", [7, 8, 16, 24, 33])
def test_the_mean_in_single_precision_is_that_of_the_rows_of_a_matrix(size: int) -> None:
    # From 16 numbers on a row is summed in several lanes, and not one number after the other.
    rewards = torch.tensor([0.1, 0.3, 0.7])
    trick = Normalize("group", "none", precision="single")
    rows = rewards[:, None].expand(3, size).contiguous()
    group = [place // size for place in range(3 * size)]
    found = advantages(trick, rows.flatten().tolist(), torch.float32, group)
    assert torch.equal(found, (rows - rows.mean(-1, keepdim=True)).flatten())
