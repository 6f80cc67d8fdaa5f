"""A JSON batch is read strictly: every fault is named with its place and the way out."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from tests.tricks.apply_faults import BATCH, FAULTS, NO_BATCHES, read
from tricks.api import TrickError
from tricks.io.document import read_document


def test_ragged_rows_become_a_padded_table() -> None:
    found = read()
    assert found.log_probs.tolist() == [[-1, -2, 0], [-0.5, 0, 0], [-1, -2, -3]]
    assert found.rollouts.response_mask.tolist() == [[True, True, False], [True, False, False], [True, True, True]]


def test_rows_as_wide_as_the_widest_are_padded_already() -> None:
    found = read(log_probs=[[-1, -2, 9, 9], [-0.5, 9, 9, 9], [-1, -2, -3, 9]])
    assert found.log_probs.tolist() == [[-1, -2, 0, 0], [-0.5, 0, 0, 0], [-1, -2, -3, 0]]
    assert found.rollouts.max_response_length == 4


def test_a_mask_may_have_holes() -> None:
    found = read(lengths=..., response_mask=[[1, 1], [True], [1, 0, 1]])
    assert found.rollouts.response_mask.tolist() == [[True, True, False], [True, False, False], [True, False, True]]
    assert found.log_probs[2].tolist() == [-1, 0, -3]


def test_padding_may_hold_what_is_no_number() -> None:
    text = json.dumps(BATCH | {"log_probs": [[-1, -2, -3], [-0.5, float("nan"), float("-inf")], [-1, -2, -3]]})
    assert read_document(text.encode(), torch.float32).log_probs[1].tolist() == [-0.5, 0, 0]


def test_old_log_probs_are_the_current_ones_unless_given() -> None:
    found = read()
    assert torch.equal(found.rollouts.old_log_probs, found.log_probs)


def test_groups_are_numbered_in_the_order_of_their_names() -> None:
    assert read(group=["z", "a", "z"]).rollouts.group.tolist() == [0, 1, 0]


def test_a_batch_is_read_in_the_precision_asked_for() -> None:
    text = json.dumps(BATCH | {"rewards": [0.1, 0, 0]}).encode()
    assert read_document(text, torch.float64).rollouts.rewards[0].item() == 0.1
    assert read_document(text, torch.float32).rollouts.rewards[0].item() == pytest.approx(0.1, rel=1e-7)


@pytest.mark.parametrize(("changes", "message"), FAULTS)
def test_a_fault_is_named_with_its_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TrickError) as refusal:
        read(**changes)
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize(("text", "message"), NO_BATCHES)
def test_what_is_no_batch_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(TrickError) as refusal:
        read_document(text, torch.float32)
    assert str(refusal.value).startswith(message)
