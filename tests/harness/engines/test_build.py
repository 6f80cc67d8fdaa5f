from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from harness.common.schema import SchemaError
from harness.config.experiment import load_config
from harness.engines.base.protocols import Decoding
from harness.engines.build import build_torch_engines, build_vocabulary
from harness.engines.qwen3.sampler import CompactSampler
from harness.engines.torch.hf_sampler import HfSampler
from harness.models.load import load_outline, load_tokenizer
from harness.models.validate import collect_end_ids
from tests.harness.engines.policies import llama, qwen3
from tools.embedded_models.tokenizer import VOCABULARY_SIZE, build_tokenizer

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
    sampler, learner = build_torch_engines(*policy(name), load_config(f"backend.engine={engine}"))
    assert isinstance(sampler, expected)
    samples = sampler.sample([[1, 7, 8], [1, 9], [1, 8], [1, 7]], Decoding(2, 5), seed=0)
    assert (samples.log_probs - learner.log_probs(samples)).abs().max() < 1e-5
    assert all("<eos>" not in text for text in samples.texts)


def test_the_compact_engine_refuses_what_it_cannot_run() -> None:
    with pytest.raises(ValueError, match="LlamaForCausalLM is not Qwen3ForCausalLM; use auto or hf"):
        build_torch_engines(*policy("llama"), load_config("backend.engine=compact"))


def test_the_compact_engine_says_why_it_refuses_half_precision() -> None:
    model, tokenizer = policy("qwen3")
    with pytest.raises(ValueError, match="its weights are bfloat16, not float32; use auto or hf"):
        build_torch_engines(model.bfloat16(), tokenizer, load_config("backend.engine=compact"))


def test_half_precision_goes_to_transformers() -> None:
    model, tokenizer = policy("qwen3")
    sampler, _ = build_torch_engines(model.bfloat16(), tokenizer, load_config())
    assert isinstance(sampler, HfSampler)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"backend\.num_gpus=1, but torch sees no GPU"):
        build_torch_engines(*policy("qwen3"), load_config("backend.num_gpus=1"))


@pytest.mark.parametrize("name", MODELS)
def test_gradient_checkpointing_reaches_the_scorer(name: str) -> None:
    model, tokenizer = policy(name)
    sampler, learner = build_torch_engines(model, tokenizer, load_config("optim.gradient_checkpointing=true"))
    samples = sampler.sample([[1, 7, 8], [1, 9], [1, 8], [1, 7]], Decoding(2, 5), seed=0)
    assert (samples.log_probs - learner.log_probs(samples)).abs().max() < 1e-5
    assert learner._scorer.keywords == {"recompute": True}


def test_gradient_checkpointing_needs_layers() -> None:
    torch.manual_seed(0)
    model, tokenizer = policy("llama")
    model.model.layers = torch.nn.ModuleList(Plain(layer) for layer in model.model.layers)
    with pytest.raises(ValueError, match=r"optim\.gradient_checkpointing: LlamaForCausalLM has no layers"):
        build_torch_engines(model, tokenizer, load_config("optim.gradient_checkpointing=true"))


class Plain(torch.nn.Module):
    """A layer of no kind that transformers knows."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.attention, self.forward = layer.self_attn, layer.forward


def test_responses_end_at_all_tokens_that_model_or_tokenizer_names() -> None:
    model, tokenizer = policy("llama")
    model.generation_config.eos_token_id = [7, tokenizer.eos_token_id]
    model.config.eos_token_id = 9
    assert collect_end_ids(model, tokenizer) == (tokenizer.eos_token_id, 7, 9)
    sampler, _ = build_torch_engines(model, tokenizer, load_config())
    samples = sampler.sample([[1, 8]], Decoding(60, 30), seed=0)
    last = {ids[mask][-1].item() for ids, mask in zip(samples.response_ids, samples.response_mask, strict=True)}
    assert {7, 9} <= last


def test_without_any_end_token_engines_elsewhere_are_not_started(tmp_path: Path) -> None:
    tokenizer = _endless()
    LlamaConfig(vocab_size=256, eos_token_id=None, bos_token_id=None).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").touch()  # which is not looked at before
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(SchemaError, match="neither tokenizer nor model names a token that ends a response"):
        build_vocabulary(load_outline(str(tmp_path)), load_tokenizer(str(tmp_path)))


def _endless() -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: index for index, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def test_learned_positions_bound_prompts_and_responses() -> None:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=64, n_embd=24, n_layer=1, n_head=4, n_positions=1100))
    build_torch_engines(model, build_tokenizer(), load_config("rollout.max_response_length=76"))
    with pytest.raises(ValueError, match=r"max_response_length allow .* 1101 tokens in total, but .* 1100 positions"):
        build_torch_engines(model, build_tokenizer(), load_config("rollout.max_response_length=77"))
    with pytest.raises(ValueError, match="1100 positions"):
        build_torch_engines(model, build_tokenizer(), load_config("eval.max_response_length=200"))


class Shifted(LlamaForCausalLM):
    """A model whose logits come otherwise than from hidden states and head."""

    def forward(self, *arguments: Any, **named: Any) -> Any:
        output = super().forward(*arguments, **named)
        output.logits = output.logits + torch.linspace(0, 3, output.logits.shape[-1])
        return output


def test_logits_that_do_not_follow_from_hidden_states_are_refused() -> None:
    torch.manual_seed(0)
    model = Shifted(llama(vocab_size=VOCABULARY_SIZE).config).eval()
    with pytest.raises(ValueError, match=r"model\.path .*: the logits of Shifted are not a known function"):
        build_torch_engines(model, build_tokenizer(), load_config())
