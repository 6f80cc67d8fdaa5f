"""Every combination of the normaliser's settings against sums written out sample by sample."""

from __future__ import annotations

import math
import random
from itertools import product
from typing import Any

import pytest
import torch

from tests.tricks.batches import DTYPES, assert_agree, rollouts
from tricks.normalization import Normalize

EPS = 0.05  # large enough that a wrong place for it shows
CHOICES: dict[str, list[Any]] = {
    "about": ["own", "group"],
    "ddof": [1, 0],
    "eps_rule": ["added", "floored", "added_to_variance", "floored_variance"],
    "weights": ["sequence", "token"],
    "include": ["all", "kept"],
    "zero_std": ["zero", "eps", "keep"],
    "single": ["zero", "raw"],
    "unequal": ["own", "one_group"],
    "precision": ["double", "single"],
}
SCOPES = ["none", "group", "batch", "leave_one_out"]
# Quarters, so that sums are exact. Groups of 4, 3, 1 and 2 in disorder; one of the three is kept, the two are equal.
UNEQUAL = {
    "rewards": [1.0, 0.25, -0.5, 0.75, 0.25, 0.5, 1.0, -0.25, 0.5, 0.5],
    "group": [7, 7, 2, 7, 2, 9, 2, 7, 4, 4],
    "lengths": [3, 1, 2, 5, 1, 4, 2, 2, 3, 1],
    "truncated": [False, True, True, False, True, False, False, False, False, False],
}
EQUAL = {
    "rewards": [1.0, 0.0, 0.0, 0.25, 0.75, 0.75, 0.75, 0.75],
    "group": [1, 0, 1, 0, 1, 0, 1, 0],
    "lengths": [3, 1, 2, 5, 1, 4, 2, 2],
    "truncated": [False, True] * 2 + [False] * 4,
}
SHARE = 50  # of the 1,536 combinations of the other settings, drawn anew for each scope and type


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("std", SCOPES)
@pytest.mark.parametrize("mean", SCOPES)
@pytest.mark.parametrize("given", [UNEQUAL, EQUAL], ids=["unequal", "equal"])
def test_settings_give_the_sums_written_out(mean: str, std: str, dtype: torch.dtype, given: dict[str, Any]) -> None:
    batch = rollouts(**given, dtype=dtype)
    combinations = list(product(*CHOICES.values()))
    for values in random.Random(f"{mean} {std} {dtype}").sample(combinations, SHARE):
        settings = dict(zip(CHOICES, values, strict=True), mean=mean, std=std)
        found = Normalize(**settings, eps=EPS).advantages(batch.rewards, ~batch.truncated, batch)
        try:
            assert_agree(found, written_out(settings, **given))
        except AssertionError as error:
            pytest.fail(f"{settings}: {error}")


def written_out(
    settings: dict[str, Any], rewards: list[float], group: list[int], lengths: list[int], truncated: list[bool]
) -> list[float]:
    everyone = range(len(rewards))
    if settings["unequal"] == "one_group" and len({group.count(label) for label in group}) > 1:
        group = [0] * len(group)
    weights = [float(length) if settings["weights"] == "token" else 1.0 for length in lengths]
    if settings["include"] == "kept":
        weights = [0.0 if out else weight for weight, out in zip(weights, truncated, strict=True)]

    def members(scope: str, one: int) -> list[int]:
        return [other for other in everyone if scope == "batch" or group[other] == group[one]]

    def counted(scope: str, one: int) -> list[int]:
        return [other for other in members(scope, one) if scope != "leave_one_out" or other != one]

    def alone(scope: str, one: int) -> bool:
        return sum(weights[other] > 0 for other in members(scope, one)) < 2

    def centre(scope: str, one: int) -> float:
        if scope == "none":
            return 0.0
        if alone(scope, one):
            return 0.0 if settings["single"] == "raw" else rewards[one]
        return average(counted(scope, one))

    def average(those: list[int]) -> float:
        return sum(weights[i] * rewards[i] for i in those) / (sum(weights[i] for i in those) or 1.0)

    def spread(scope: str, one: int) -> float:
        if alone(scope, one):
            return 1.0 if settings["single"] == "raw" else 0.0
        those = counted(scope, one)
        about = settings["about"] == "group" and scope != "leave_one_out"
        middle = [average(members("group", i) if about else those) for i in those]
        squares = sum(weights[i] * (rewards[i] - c) ** 2 for i, c in zip(those, middle, strict=True))
        return squares / max(1.0, sum(weights[i] for i in those) - settings["ddof"])

    def advantage(one: int) -> float:
        difference = rewards[one] - centre(settings["mean"], one)
        if settings["std"] == "none":
            return difference
        variance = spread(settings["std"], one)
        if variance < 1e-15 and settings["zero_std"] != "eps":
            return 0.0 if settings["zero_std"] == "zero" else difference
        return difference / divisor(variance)

    def divisor(variance: float) -> float:
        return {
            "added": math.sqrt(variance) + EPS,
            "floored": max(math.sqrt(variance), EPS),
            "added_to_variance": math.sqrt(variance + EPS),
            "floored_variance": math.sqrt(max(variance, EPS)),
        }[settings["eps_rule"]]

    return [advantage(one) for one in everyone]
