from __future__ import annotations

import pickle
from dataclasses import fields

import numpy as np
import pytest
import torch

from harness.engines.base.buckets import SerializedTensors
from harness.engines.base.samples import Sequences, lay_out, make_blank_row
from tests.harness.engines.learners import plain_signal
from tests.harness.engines.policies import random_samples


def test_a_signal_arrives_as_it_was_sent() -> None:
    samples = random_samples()
    signal = plain_signal(samples, torch.randn(12), torch.randn(12, 9))
    arrived = pickle.loads(pickle.dumps(SerializedTensors.of(signal))).open()
    for part in fields(signal):
        sent, found = getattr(signal, part.name), getattr(arrived, part.name)
        assert found is sent is None or (torch.equal(found, sent) and found.dtype == sent.dtype), part.name


def test_nothing_but_arrays_is_on_the_way_and_what_arrives_can_be_written_to() -> None:
    shipped = SerializedTensors.of(lay_out(random_samples(), torch.tensor([0, 3])))
    assert all(isinstance(part, np.ndarray) for part in shipped.parts.values())
    for part in shipped.parts.values():
        part.setflags(write=False)  # as Ray hands them out
    arrived = shipped.open()
    assert isinstance(arrived, Sequences)
    arrived.ids[0, 0] = 5


def test_what_is_no_dataclass_is_refused() -> None:
    with pytest.raises(TypeError, match="dict is not a dataclass; send its parts"):
        SerializedTensors.of({"ids": torch.zeros(1)})


def test_sequences_predict_the_tokens_of_responses_and_a_blank_row_none() -> None:
    samples = random_samples()
    rows = torch.tensor([5, 0, 7])
    expected = torch.cat([samples.response_ids[row][samples.response_mask[row]] for row in rows])
    assert torch.equal(lay_out(samples, rows).targets(), expected)
    assert not len(make_blank_row().targets())
