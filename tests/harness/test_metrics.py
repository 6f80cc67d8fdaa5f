"""What a step reports of its batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from harness.rollouts.metrics import summarize_rollouts
from tests.tricks.batches import SETUP, rollouts, signal
from tricks.dialects.build import build_rule

if TYPE_CHECKING:
    from tricks.batch import Rollouts

# One right answer of four, cut off: its advantage of 1.5 is the largest; the three wrong ones have -0.5.
CUT = {"truncated": [True, False, False, False]}


def largest(batch: Rollouts, **tricks: Any) -> float:
    rule = build_rule("grpo", {"group_norm": {"ddof": 1}, **tricks}, "none", SETUP)
    return summarize_rollouts(batch, batch.rewards > 0, rule.signal(batch))["advantage/max"]


def test_the_largest_advantage_is_one_that_the_update_learns_from() -> None:
    batch = rollouts([1.0, 0.0, 0.0, 0.0], [0, 0, 0, 0], **CUT)
    assert largest(batch) == pytest.approx(1.5, abs=1e-5)
    assert largest(batch, overlong_filter={}) == pytest.approx(0.5, abs=1e-5)


def test_a_filter_of_the_denominator_alone_leaves_it_in() -> None:
    batch = rollouts([1.0, 0.0, 0.0, 0.0], [0, 0, 0, 0], **CUT)
    assert largest(batch, overlong_filter={"numerator": "in"}) == pytest.approx(1.5, abs=1e-5)


def test_it_is_zero_where_no_sample_is_kept() -> None:
    batch = rollouts([1.0, 0.0], [0, 0], truncated=[True, True])
    assert largest(batch) > 0
    assert largest(batch, overlong_filter={}) == 0.0


def test_groups_without_a_signal_do_not_count() -> None:
    batch = rollouts([3.0, 3.0, 1.0, 0.0], [0, 0, 1, 1])
    kept = largest(batch, group_norm=None, zero_variance_filter={})
    assert kept == 1.0  # raw rewards are the advantages; those of 3 are filtered


def test_padding_does_not_count_where_tokens_differ() -> None:
    batch = rollouts([1.0, 0.0], [0, 1], lengths=[2, 1])
    found = signal([[1.0, -2.0], [0.5, 9.0]], lengths=[2, 1])
    assert summarize_rollouts(batch, torch.tensor([True, False]), found)["advantage/max"] == 2.0
