from __future__ import annotations

from typing import Any

import pytest

from harness.config import load
from harness.engines.build import build
from harness.engines.compact_sampler import CompactSampler
from harness.engines.hf_sampler import HfSampler
from harness.engines.protocols import Decoding
from harness.models.tokenizer import VOCABULARY_SIZE, build_tokenizer
from tests.harness.engines.policies import llama, qwen3

MODELS = {"qwen3": qwen3, "llama": llama}


def policy(name: str) -> tuple[Any, Any]:
    tokenizer = build_tokenizer()
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    return MODELS[name](vocab_size=VOCABULARY_SIZE, **ends), tokenizer


@pytest.mark.parametrize(
    ("name", "engine", "expected"),
    [
        ("qwen3", "auto", CompactSampler),
        ("llama", "auto", HfSampler),
        ("qwen3", "compact", CompactSampler),
        ("qwen3", "hf", HfSampler),
    ],
)
def test_the_engine_fits_the_model_and_works(name: str, engine: str, expected: type) -> None:
    sampler, learner = build(*policy(name), load(f"backend.engine={engine}"))
    assert isinstance(sampler, expected)
    samples = sampler.sample([[1, 7, 8], [1, 9], [1, 8], [1, 7]], Decoding(2, 5), seed=0)
    assert (samples.log_probs - learner.log_probs(samples)).abs().max() < 1e-5
    assert all("<eos>" not in text for text in samples.texts)


def test_the_compact_engine_refuses_what_it_cannot_run() -> None:
    with pytest.raises(ValueError, match="use the Hugging Face sampler"):
        build(*policy("llama"), load("backend.engine=compact"))
