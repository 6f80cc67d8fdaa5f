from __future__ import annotations

import math

import pytest
import torch

from harness.engines.base.protocols import Samples
from harness.rollouts.metrics import METRICS, PROBABILITY_METRICS, describe_text, probability_shares

LENGTHS = [4, 6, 6, 6, 2, 6]
TRUNCATED = [False, True, True, True, False, True]
RIGHT = torch.tensor([True, True, False, False, False, False])


def samples() -> Samples:
    ids = torch.arange(36).view(6, 6) % 5 + torch.arange(6) * 10  # no token twice in a row
    ids[1], ids[2] = 7, 8  # these two loop
    mask = torch.arange(6) < torch.tensor(LENGTHS)[:, None]
    prompts = torch.zeros(2, 1, dtype=torch.int64)
    group = torch.tensor([0, 0, 0, 1, 1, 1])
    nothing = torch.zeros(6, 6)
    return Samples(prompts, prompts == 0, group, ids, mask, torch.tensor(TRUNCATED), nothing, ("",) * 6)


def test_the_split_by_right_and_wrong_is_that_by_hand() -> None:
    found = describe_text(samples(), RIGHT, torch.zeros(6, 6))
    assert found["response/length_right"] == 5  # 4 and 6
    assert found["response/length_wrong"] == 5  # 6, 6, 2 and 6
    assert found["response/truncated_right"] == 1 / 2
    assert found["response/truncated_wrong"] == 3 / 4
    assert found["response/repeated_right"] == 1  # the one that was cut
    assert found["response/repeated_wrong"] == pytest.approx(1 / 3)


def test_a_split_without_responses_is_left_out() -> None:
    found = describe_text(samples(), torch.zeros(6, dtype=torch.bool), torch.zeros(6, 6))
    assert not [name for name in found if name.endswith("_right")]
    found = describe_text(samples(), ~torch.tensor(TRUNCATED), torch.zeros(6, 6))
    assert "response/repeated_right" not in found  # no right response was cut
    assert found["response/truncated_right"] == 0
    assert found["response/repeated_wrong"] == 2 / 4


def test_every_metric_is_listed() -> None:
    assert set(describe_text(samples(), RIGHT, torch.zeros(6, 6))) <= set(METRICS)


def test_only_sampled_tokens_are_in_the_histogram() -> None:
    log_probs = torch.full((6, 6), math.log(0.5))
    log_probs[~samples().response_mask] = 0.0
    assert describe_text(samples(), RIGHT, log_probs)["probability/0.3-0.6"] == 1


def test_a_bin_holds_its_lower_edge_and_the_last_one_holds_certainty() -> None:
    given = [0.0, 0.29, 0.31, 0.5, 0.7, 0.9, 0.96, 0.98, 0.995, 1.0]
    found = probability_shares(torch.tensor(given, dtype=torch.float64).log())
    assert list(found) == list(PROBABILITY_METRICS)
    assert list(found.values()) == [0.2, 0.2, 0.1, 0.1, 0.2, 0.2]
    for edge, name in zip((0.3, 0.6, 0.85, 0.95, 0.99), PROBABILITY_METRICS[1:], strict=True):
        assert probability_shares(torch.tensor([edge + 1e-9], dtype=torch.float64).log())[name] == 1
        assert probability_shares(torch.tensor([edge - 1e-9], dtype=torch.float64).log())[name] == 0


def test_a_log_prob_that_rounding_puts_above_zero_is_certain() -> None:
    assert probability_shares(torch.tensor([1e-7]))["probability/0.99-1"] == 1
