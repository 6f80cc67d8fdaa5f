from __future__ import annotations

import math

import pytest
import torch

from tests.tricks.batches import ALONE, DTYPES, SETUP, assert_agree, rollouts
from tricks.catalog import find_trick
from tricks.normalization import Normalize

# Two groups of four: rewards 1 0 0 0 and 1 1 1 0. Means 1/4 and 3/4, deviation (n - 1) 1/2 in both.
# The batch has mean 1/2 and deviation sqrt(8 * 1/4 / 7) = sqrt(2/7); about the group means sqrt(8 * 3/16 / 7).
REWARDS, GROUP = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0], [0, 0, 0, 0, 1, 1, 1, 1]
EPS = 1e-6

pytestmark = pytest.mark.parametrize("dtype", DTYPES)


def advantages(
    trick: Normalize | str, dtype: torch.dtype, rewards: list[float] = REWARDS, group: list[int] = GROUP
) -> torch.Tensor:
    batch = rollouts(rewards, group, dtype=dtype)
    if isinstance(trick, str):
        trick = find_trick(trick).cls(**find_trick(trick).settings)
    return trick.advantages(batch.rewards, ~batch.truncated, batch)


@pytest.mark.parametrize(
    ("name", "right_in_first", "wrong_in_first", "right_in_second", "wrong_in_second"),
    [
        ("group_norm", 0.75 / (0.5 + EPS), -0.25 / (0.5 + EPS), 0.25 / (0.5 + EPS), -0.75 / (0.5 + EPS)),
        ("batch_norm", *[0.5 / (math.sqrt(2 / 7) + EPS), -0.5 / (math.sqrt(2 / 7) + EPS)] * 2),
        ("batch_mean", 0.5, -0.5, 0.5, -0.5),
        ("group_mean", 0.75, -0.25, 0.25, -0.75),
        ("group_mean_batch_std", *(value / (math.sqrt(2 / 7) + EPS) for value in (0.75, -0.25, 0.25, -0.75))),
        # The others of a right answer in the first group have mean 0, of a wrong one 1/3: 1 - 0 and 0 - 1/3.
        ("rloo", 1.0, -1 / 3, 1 / 3, -1.0),
        # Their deviations are 0 (the advantage stays as it is) and that of 1 0 0, sqrt(1/3): -1/3 / sqrt(1/3).
        ("leave_one_out_norm", 1.0, -(1 / 3) / (math.sqrt(1 / 3) + EPS), (1 / 3) / (math.sqrt(1 / 3) + EPS), -1.0),
    ],
)
def test_each_normaliser_gives_the_value_of_its_formula(
    name: str,
    right_in_first: float,
    wrong_in_first: float,
    right_in_second: float,
    wrong_in_second: float,
    dtype: torch.dtype,
) -> None:
    expected = [right_in_first, *[wrong_in_first] * 3, *[right_in_second] * 3, wrong_in_second]
    assert_agree(advantages(name, dtype), expected)


@pytest.mark.parametrize("right", range(1, 8))
@pytest.mark.parametrize("ddof", [0, 1])
def test_group_norm_of_eight_matches_the_closed_form(right: int, ddof: int, dtype: torch.dtype) -> None:
    # With p = k/8 the deviation is sqrt(8 p (1 - p) / (8 - ddof)); k = 1 gives +2.475 and -0.354, ddof 0 +2.646.
    share = right / 8
    deviation = math.sqrt(8 * share * (1 - share) / (8 - ddof)) + EPS
    found = advantages(Normalize("group", "group", ddof=ddof), dtype, [1.0] * right + [0.0] * (8 - right), [0] * 8)  # type: ignore[arg-type]
    assert_agree(found, [(1 - share) / deviation] * right + [-share / deviation] * (8 - right))


@pytest.mark.parametrize(
    ("settings", "right", "wrong"),
    [
        ({}, 2.4749, -0.3536),  # verl, ROLL, slime, OpenRLHF
        ({"eps": 1e-4}, 2.4742, -0.3535),  # TRL
        ({"ddof": 0, "eps": 1e-8}, 2.6458, -0.3780),  # open-instruct
        ({"mean": "leave_one_out", "std": "leave_one_out", "zero_std": "keep"}, 1.0, -0.3780),  # NeMo-RL
        ({"mean": "leave_one_out", "std": "none"}, 1.0, -0.1429),
        ({"std": "none"}, 0.875, -0.125),
    ],
)
def test_one_right_of_eight_has_the_published_values(
    settings: dict[str, object], right: float, wrong: float, dtype: torch.dtype
) -> None:
    trick = Normalize(**{"mean": "group", "std": "group", **settings})  # type: ignore[arg-type]
    found = advantages(trick, dtype, [1.0] + [0.0] * 7, [0] * 8)
    assert [round(found[0].item(), 4), round(found[1].item(), 4)] == [right, wrong]


def test_a_batch_deviation_about_group_means_is_smaller_by_what_lies_between_groups(dtype: torch.dtype) -> None:
    # Sixteen rewards, group means 1/4 3/4 1 0, batch mean 1/2: squares about it 16/4 = 4, about group means
    # 4 * 3/16 * 2 = 3/2. The advantages differ by sqrt(4 / 1.5) = 1.633.
    rewards, group = [*REWARDS, *[1.0] * 4, *[0.0] * 4], [*GROUP, *[2] * 4, *[3] * 4]
    own = advantages(Normalize("group", "batch", eps=0.0), dtype, rewards, group)
    about = advantages(Normalize("group", "batch", about="group", eps=0.0), dtype, rewards, group)
    assert_agree(own[:2], [0.75 / math.sqrt(4 / 15), -0.25 / math.sqrt(4 / 15)])
    assert_agree(about[:2], [0.75 / math.sqrt(1.5 / 15), -0.25 / math.sqrt(1.5 / 15)])


@pytest.mark.parametrize(
    ("rule", "divisor"),
    [
        ("added", 0.5 + 0.25),
        ("floored", 0.5),
        ("added_to_variance", math.sqrt(0.25 + 0.25)),
        ("floored_variance", 0.5),
    ],
)
def test_epsilon_enters_where_its_rule_says(rule: str, divisor: float, dtype: torch.dtype) -> None:
    # The deviation of 1 0 0 0 is 1/2, its variance 1/4.
    trick = Normalize("group", "group", eps=0.25, eps_rule=rule)  # type: ignore[arg-type]
    assert_agree(advantages(trick, dtype), [value / divisor for value in (0.75, *[-0.25] * 3, *[0.25] * 3, -0.75)])


@pytest.mark.parametrize(("rule", "divisor"), [("floored", 0.75), ("floored_variance", math.sqrt(0.75))])
def test_a_floor_replaces_a_smaller_deviation(rule: str, divisor: float, dtype: torch.dtype) -> None:
    trick = Normalize("group", "group", eps=0.75, eps_rule=rule)  # type: ignore[arg-type]
    assert_agree(advantages(trick, dtype)[:1], [0.75 / divisor])


@pytest.mark.parametrize(("policy", "expected"), [("zero", 0.0), ("eps", 1.0 / 0.25), ("keep", 1.0)])
def test_a_deviation_of_zero_follows_its_policy(policy: str, expected: float, dtype: torch.dtype) -> None:
    # No mean is subtracted, so the reward of 1 stands over a deviation of 0 and an epsilon of 1/4.
    trick = Normalize(std="group", eps=0.25, zero_std=policy)  # type: ignore[arg-type]
    assert_agree(advantages(trick, dtype, [1.0] * 4, [0] * 4), [expected] * 4)


@pytest.mark.parametrize(("policy", "expected"), [("zero", 0.0), ("raw", 1.0 / (1 + EPS))])
def test_a_sample_alone_in_its_group_has_no_advantage_or_its_reward(
    policy: str, expected: float, dtype: torch.dtype
) -> None:
    trick = Normalize("group", "group", single=policy)  # type: ignore[arg-type]
    found = advantages(trick, dtype, [1.0, 1.0, 0.0], [0, 1, 1])
    # The other group's deviation is sqrt(1/2).
    assert_agree(found, [expected, 0.5 / (math.sqrt(0.5) + EPS), -0.5 / (math.sqrt(0.5) + EPS)])


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("own", [0.5, -0.5, 2 / 3, -1 / 3, -1 / 3]),  # means 1/2 and 1/3
        ("one_group", [0.6, -0.4, 0.6, -0.4, -0.4]),  # mean 2/5
    ],
)
def test_unequal_groups_stand_for_themselves_or_make_one(
    policy: str, expected: list[float], dtype: torch.dtype
) -> None:
    trick = Normalize("group", unequal=policy)  # type: ignore[arg-type]
    assert_agree(advantages(trick, dtype, [1.0, 0.0, 1.0, 0.0, 0.0], [0, 0, 1, 1, 1]), expected)


def test_one_group_leaves_groups_of_equal_size_alone(dtype: torch.dtype) -> None:
    merged = advantages(Normalize("group", unequal="one_group"), dtype)
    assert_agree(merged, advantages("group_mean", dtype))


def test_token_weights_let_long_responses_dominate(dtype: torch.dtype) -> None:
    # Rewards 1 and 0 of lengths 3 and 1: mean 3/4 and variance (3/16 + 9/16) / (4 - 1) = 1/4.
    batch = rollouts([1.0, 0.0], [0, 0], lengths=[3, 1], dtype=dtype)
    trick = Normalize("group", "group", weights="token")
    found = trick.advantages(batch.rewards, ~batch.truncated, batch)
    assert_agree(found, [0.25 / (0.5 + EPS), -0.75 / (0.5 + EPS)])


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("all", [2 / 3, -1 / 3, -1 / 3]),
        ("kept", [1.0, 0.0, 0.0]),  # the mean of the two kept is 0; the filtered one is measured against it
    ],
)
def test_filtered_samples_enter_the_mean_or_not(include: str, expected: list[float], dtype: torch.dtype) -> None:
    batch = rollouts([1.0, 0.0, 0.0], [0, 0, 0], truncated=[True, False, False], dtype=dtype)
    trick = Normalize("group", include=include)  # type: ignore[arg-type]
    assert_agree(trick.advantages(batch.rewards, ~batch.truncated, batch), expected)


def test_without_a_normaliser_the_advantage_is_the_reward(dtype: torch.dtype) -> None:
    assert advantages(Normalize(), dtype).tolist() == REWARDS


def test_a_mean_over_the_batch_alone_takes_no_group(dtype: torch.dtype) -> None:
    assert not list(Normalize(mean="batch", std="batch").validate(ALONE))
    assert not list(Normalize(mean="group", std="group").validate(SETUP))
    assert advantages("batch_mean", dtype, REWARDS, list(range(8))).tolist() == [r - 0.5 for r in REWARDS]
