"""Engines of vLLM whose sampler is of an unknown kind say nothing of a cut."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from harness.engines.protocols import Decoding
from harness.engines.vllm_answers import Answers, answers
from harness.engines.vllm_worker import tell_kept


def answered(decoding: Decoding, *, tells: bool) -> Answers:
    """One request of two tokens, as ``LLM.generate`` gives it."""
    log_probs = [-1.0, -0.5, -2.0, -0.25] if tells else [-1.0, -2.0]
    one = SimpleNamespace(token_ids=[4, 5], logprobs=SimpleNamespace(logprobs=log_probs), finish_reason="stop")
    return answers([SimpleNamespace(outputs=[one])], decoding, 60, tells=tells)


def test_a_sampler_of_another_kind_is_left_alone() -> None:
    other = SimpleNamespace(logprobs_mode="processed_logprobs")
    assert not tell_kept(other)
    assert not tell_kept(None)
    assert vars(other) == {"logprobs_mode": "processed_logprobs"}


def test_every_second_number_is_what_a_cut_left_where_workers_tell_it() -> None:
    found = answered(Decoding(1, 2, top_p=0.9), tells=True)
    assert found.log_probs.tolist() == [-1, -2]
    assert found.log_kept is not None
    assert found.log_kept.tolist() == [-0.5, -0.25]


def test_what_an_engine_cannot_tell_is_no_number() -> None:
    found = answered(Decoding(1, 2, top_p=0.9), tells=False)
    assert found.log_probs.tolist() == [-1, -2]
    assert found.log_kept is not None
    assert np.isnan(found.log_kept).all()


def test_where_nothing_is_cut_there_is_nothing_to_tell() -> None:
    assert answered(Decoding(1, 2, top_k=60), tells=False).log_kept is None
