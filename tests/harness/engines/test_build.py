from __future__ import annotations

from typing import Any

import pytest
import torch

from harness.config import load
from harness.engines.build import build
from harness.engines.compact_sampler import CompactSampler
from harness.engines.hf_sampler import HfSampler
from harness.engines.protocols import Decoding
from harness.models.fit import end_ids
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
    with pytest.raises(ValueError, match="LlamaForCausalLM is not Qwen3ForCausalLM; use auto or hf"):
        build(*policy("llama"), load("backend.engine=compact"))


def test_the_compact_engine_says_why_it_refuses_half_precision() -> None:
    model, tokenizer = policy("qwen3")
    with pytest.raises(ValueError, match="its weights are bfloat16, not float32; use auto or hf"):
        build(model.bfloat16(), tokenizer, load("backend.engine=compact"))


def test_half_precision_goes_to_transformers() -> None:
    model, tokenizer = policy("qwen3")
    sampler, _ = build(model.bfloat16(), tokenizer, load())
    assert isinstance(sampler, HfSampler)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"backend\.num_gpus=1, but torch sees no GPU"):
        build(*policy("qwen3"), load("backend.num_gpus=1"))


@pytest.mark.parametrize("name", MODELS)
def test_gradient_checkpointing_reaches_the_scorer(name: str) -> None:
    model, tokenizer = policy(name)
    sampler, learner = build(model, tokenizer, load("optim.gradient_checkpointing=true"))
    samples = sampler.sample([[1, 7, 8], [1, 9], [1, 8], [1, 7]], Decoding(2, 5), seed=0)
    assert (samples.log_probs - learner.log_probs(samples)).abs().max() < 1e-5
    assert learner._scorer.keywords == {"recompute": True}


def test_gradient_checkpointing_needs_layers() -> None:
    torch.manual_seed(0)
    layers = torch.nn.Linear(2, 2)  # of no kind that transformers knows
    with pytest.raises(ValueError, match=r"optim\.gradient_checkpointing: Linear has no layers to compute again"):
        build(layers, build_tokenizer(), load("optim.gradient_checkpointing=true"))


def test_responses_end_at_all_tokens_that_model_or_tokenizer_names() -> None:
    model, tokenizer = policy("llama")
    model.generation_config.eos_token_id = [7, tokenizer.eos_token_id]
    model.config.eos_token_id = 9
    assert end_ids(model, tokenizer) == (tokenizer.eos_token_id, 7, 9)
    sampler, _ = build(model, tokenizer, load())
    samples = sampler.sample([[1, 8]], Decoding(60, 30), seed=0)
    last = {ids[mask][-1].item() for ids, mask in zip(samples.response_ids, samples.response_mask, strict=True)}
    assert {7, 9} <= last
