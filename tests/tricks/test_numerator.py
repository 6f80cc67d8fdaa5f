"""A filter may take samples from the denominators alone, as ROLL's rejection does; by default from both."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from tricks.batch import Rollouts, Setup, Signal
from tricks.dialects.build import build_rule
from tricks.rule import UpdateRule

SETUP = Setup(group_size=2, prompts_per_batch=2, updates_per_rollout=4, max_response_length=4)
LENGTHS = [4, 1, 2, 3]  # the first is truncated


def filtered(aggregation: str, numerator: str) -> tuple[UpdateRule, Signal]:
    mask = torch.arange(4) < torch.tensor(LENGTHS)[:, None]
    rewards, group = torch.tensor([1.0, 0.0, 0.0, 1.0]), torch.tensor([0, 0, 1, 1])
    rollouts = Rollouts(torch.zeros(4, 4), mask, rewards, group, mask.all(dim=1), max_response_length=4)
    tricks = {"sequence_mean": None, aggregation: {}, "overlong_filter": {"numerator": numerator}}
    rule = build_rule("grpo", tricks, "none", SETUP)
    return rule, rule.signal(rollouts)


@pytest.mark.parametrize(
    ("aggregation", "numerator", "expected"),
    [
        # 6 tokens are kept; 10 would be with the truncated response.
        ("token_mean", "out", [0, 1 / 6, 1 / 6, 1 / 6]),
        ("token_mean", "in", [1 / 6, 1 / 6, 1 / 6, 1 / 6]),
        # 3 responses are kept.
        ("sequence_mean", "out", [0, 1 / 3, 1 / 6, 1 / 9]),
        ("sequence_mean", "in", [1 / 12, 1 / 3, 1 / 6, 1 / 9]),
    ],
)
def test_a_filtered_response_leaves_the_denominator_and_by_default_the_numerator(
    aggregation: str, numerator: str, expected: list[float]
) -> None:
    rule, signal = filtered(aggregation, numerator)
    assert_close(rule.loss_weights(signal)[:, 0], torch.tensor(expected))
    assert signal.response_mask.sum(dim=1).tolist() == [4 * (numerator == "in"), 1, 2, 3]


def test_the_split_of_an_update_keeps_both_masks() -> None:
    _, signal = filtered("token_mean", "in")
    part = signal[torch.tensor([0, 2])]
    assert part.counted is not None
    assert part.counted.sum(dim=1).tolist() == [0, 2]
