from __future__ import annotations

import math
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import example, given, strategies as st
from torch.testing import assert_close

from tests.tricks.batches import DTYPES, SETUP, assert_agree, mask_of, rollouts
from tricks.normalization import Whiten

EPS = 0.05  # large enough that a wrong place for it shows
SCOPES = ["batch", "group", "none"]
REST = list(product(["token", "sequence"], [1, 0], ["added", "floored", "added_to_variance", "floored_variance"]))
GROUP, LENGTHS, TRUNCATED = [5, 2, 2, 5, 2, 9], [3, 1, 4, 2, 2, 3], [False, True, False, False, False, True]
ONE_A_SAMPLE = [[0.5], [-1.0], [2.0], [0.25], [0.5], [-0.75]]
ONE_A_TOKEN = [[value[0] + (i * t % 3) - 0.5 * t for t in range(4)] for i, value in enumerate(ONE_A_SAMPLE)]


def test_token_whitening_matches_the_numbers_worked_out_by_hand() -> None:
    # Advantages 1 and -1 of lengths 3 and 1: mean 1/2, variance (3/4 + 9/4) / (4 - 1) = 1.
    batch = rollouts([0.0, 0.0], [0, 0], lengths=[3, 1])
    found = Whiten().whiten(torch.tensor([[1.0], [-1.0]]), batch.response_mask, batch)
    assert_agree(found, [[0.5 / math.sqrt(1 + 1e-8)], [-1.5 / math.sqrt(1 + 1e-8)]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("given_advantages", [ONE_A_SAMPLE, ONE_A_TOKEN], ids=["sample", "token"])
@pytest.mark.parametrize("include", ["kept", "all"])
@pytest.mark.parametrize("std", SCOPES)
@pytest.mark.parametrize("mean", SCOPES)
def test_settings_give_the_sums_written_out(
    mean: str, std: str, include: str, given_advantages: list[list[float]], dtype: torch.dtype
) -> None:
    batch = rollouts([0.0] * 6, GROUP, lengths=LENGTHS, dtype=dtype)
    kept = batch.response_mask & ~torch.tensor(TRUNCATED)[:, None]
    for weights, ddof, eps_rule in REST:
        settings = {"weights": weights, "ddof": ddof, "eps_rule": eps_rule, "mean": mean, "std": std}
        found = Whiten(**settings, include=include, eps=EPS).whiten(
            torch.tensor(given_advantages, dtype=dtype), kept, batch
        )
        counted = [0 if out and include == "kept" else n for n, out in zip(LENGTHS, TRUNCATED, strict=True)]
        assert_agree(found, written_out(settings, given_advantages, counted))


def written_out(settings: dict[str, Any], advantages: list[list[float]], counted: list[int]) -> list[list[float]]:
    wide = len(advantages[0]) > 1
    every = [  # value, weight, group of each advantage that counts
        (row[t if wide else 0], 1 / n if settings["weights"] == "sequence" else 1.0, group)
        for row, n, group in zip(advantages, counted, GROUP, strict=True)
        for t in range(n)
    ]

    def average(scope: str, group: int, of: Any) -> tuple[float, float]:
        those = [(of(value), weight) for value, weight, other in every if scope == "batch" or other == group]
        total = sum(weight for _, weight in those)
        return sum(value * weight for value, weight in those), total

    def mean(scope: str, group: int) -> float:
        top, total = average(scope, group, lambda value: value)
        return 0.0 if scope == "none" or total == 0 else top / total

    def divisor(scope: str, group: int) -> float:
        if scope == "none":
            return 1.0
        centre = mean(scope, group)
        top, total = average(scope, group, lambda value: (value - centre) ** 2)
        variance = top / max(1.0, total - settings["ddof"])
        return {
            "added": math.sqrt(variance) + EPS,
            "floored": max(math.sqrt(variance), EPS),
            "added_to_variance": math.sqrt(variance + EPS),
            "floored_variance": math.sqrt(max(variance, EPS)),
        }[settings["eps_rule"]]

    return [
        [(value - mean(settings["mean"], group)) / divisor(settings["std"], group) for value in row]
        for row, group in zip(advantages, GROUP, strict=True)
    ]


@pytest.mark.parametrize(
    ("advantages", "lengths", "weights"),
    [
        ([[3.0]], [1], "token"),
        ([[3.0], [2.0]], [4, 0], "sequence"),
        ([[3.0, 1.0], [2.0, 2.0]], [1, 0], "token"),
        ([[3.0, 1.0]], [2], "sequence"),
    ],
)
def test_advantages_stay_as_they_are_where_fewer_than_two_count(
    advantages: list[list[float]], lengths: list[int], weights: str
) -> None:
    width = max(2, *lengths) if len(lengths) > 1 else lengths[0]
    mask = torch.arange(width) < torch.tensor(lengths)[:, None]
    batch = rollouts([0.0] * len(lengths), [0] * len(lengths), lengths=[width] * len(lengths))
    given_advantages = torch.tensor(advantages)
    assert torch.equal(Whiten(weights=weights).whiten(given_advantages, mask, batch), given_advantages)


@given(lengths=st.lists(st.integers(1, 60), min_size=2, max_size=2))
@example(lengths=[1, 23])
def test_two_responses_always_count_as_two(lengths: list[int]) -> None:
    # One over a length is rounded, and so is the sum of these weights.
    mask = mask_of(lengths)
    batch = rollouts([0.0, 0.0], [0, 0], lengths=lengths)
    advantages = torch.tensor([[3.0], [1.0]]).expand(mask.shape)
    found = Whiten(weights="sequence").whiten(advantages, mask, batch)
    # Mean 2 and variance (1 + 1) / (2 - 1).
    assert_close(found[:, 0], torch.tensor([1.0, -1.0]) / math.sqrt(2 + 1e-8), rtol=1e-5, atol=0)


@pytest.mark.parametrize("wide", [False, True])
def test_equal_advantages_become_zero(wide: bool) -> None:
    batch = rollouts([0.0] * 3, [0] * 3, lengths=[3, 5, 2], dtype=torch.float64)
    given_advantages = torch.full((3, 5 if wide else 1), 0.25, dtype=torch.float64)
    assert Whiten().whiten(given_advantages, batch.response_mask, batch).abs().max() == 0


def test_padding_never_reaches_the_statistics() -> None:
    batch = rollouts([0.0] * 2, [0] * 2, lengths=[3, 1])
    advantages = torch.tensor([[1.0, 2.0, 0.0], [4.0, 1e6, -1e6]])
    clean = advantages.masked_fill(~batch.response_mask, 0.0)
    found, wanted = (Whiten().whiten(values, batch.response_mask, batch) for values in (advantages, clean))
    assert torch.equal(found[batch.response_mask], wanted[batch.response_mask])


def test_the_advantages_given_are_left_alone() -> None:
    batch = rollouts([0.0] * 2, [0] * 2, lengths=[3, 1])
    for settings in ({}, {"mean": "none"}, {"std": "none"}):
        advantages = torch.tensor([[1.0], [3.0]])
        Whiten(**settings).whiten(advantages, batch.response_mask, batch)
        assert advantages.tolist() == [[1.0], [3.0]]


def test_an_epsilon_of_nothing_is_refused() -> None:
    assert not list(Whiten().validate(SETUP))
    assert len(list(replace(Whiten(), eps=0.0).validate(SETUP))) == 1
