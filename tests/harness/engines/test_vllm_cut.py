"""What vLLM is asked, and what its answers say of a cut, without vLLM."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from harness.engines.base.protocols import Decoding
from harness.engines.vllm.engine import PackedResponses, build_requests, convert_outputs
from harness.engines.vllm.worker import report_kept_mass


def answered(decoding: Decoding, *, kept_mass: bool) -> PackedResponses:
    """One request of two tokens, as ``LLM.generate`` gives it."""
    log_probs = [-1.0, -0.5, -2.0, -0.25] if kept_mass else [-1.0, -2.0]
    one = SimpleNamespace(token_ids=[4, 5], logprobs=SimpleNamespace(logprobs=log_probs), finish_reason="stop")
    return convert_outputs([SimpleNamespace(outputs=[one])], decoding, 60, kept_mass=kept_mass)


def test_a_sampler_of_another_kind_is_left_alone() -> None:
    other = SimpleNamespace(logprobs_mode="processed_logprobs")
    assert not report_kept_mass(other)
    assert not report_kept_mass(None)
    assert vars(other) == {"logprobs_mode": "processed_logprobs"}


def test_every_second_number_is_what_a_cut_left_where_workers_tell_it() -> None:
    found = answered(Decoding(1, 2, top_p=0.9), kept_mass=True)
    assert found.log_probs.tolist() == [-1, -2]
    assert found.log_kept is not None
    assert found.log_kept.tolist() == [-0.5, -0.25]


def test_what_an_engine_cannot_tell_is_no_number() -> None:
    found = answered(Decoding(1, 2, top_p=0.9), kept_mass=False)
    assert found.log_probs.tolist() == [-1, -2]
    assert found.log_kept is not None
    assert np.isnan(found.log_kept).all()


def test_where_nothing_is_cut_there_is_nothing_to_tell() -> None:
    assert answered(Decoding(1, 2, top_k=60), kept_mass=False).log_kept is None


def test_every_sample_is_asked_by_a_seed_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    record = SimpleNamespace(SamplingParams=SimpleNamespace)  # vLLM's is a record of settings
    monkeypatch.setitem(sys.modules, "vllm", record)  # type: ignore[arg-type]
    tokens, settings = build_requests(
        [[2, 3], [4]], Decoding(3, 8, 0.7, top_p=0.9, top_k=5), [11, 12], [1], kept_mass=True
    )
    assert tokens == [{"prompt_token_ids": [2, 3]}] * 3 + [{"prompt_token_ids": [4]}] * 3
    assert len({one.seed for one in settings}) == 6
    one = settings[0]
    assert (one.temperature, one.top_p, one.top_k, one.max_tokens) == (0.7, 0.9, 5, 8)
    assert (one.stop_token_ids, one.ignore_eos, one.logprobs) == ([1], True, 1)
    _, again = build_requests([[4]], Decoding(3, 8, 0.7), [12], [1])
    assert [one.seed for one in again] == [one.seed for one in settings[3:]]  # whatever it is asked beside
