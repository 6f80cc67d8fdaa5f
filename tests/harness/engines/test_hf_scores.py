from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    GraniteForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PhiConfig,
    PhiForCausalLM,
)

from harness.engines.base.protocols import Decoding
from harness.engines.torch import hf_scores as module
from harness.engines.torch.hf_sampler import HfSampler
from harness.engines.torch.hf_scores import score_samples_hf
from tests.harness.engines.policies import EOS, PAD, VOCABULARY, decode, llama, qwen3, random_samples, reference

USUAL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 6,
    "initializer_range": 0.2,
    "pad_token_id": PAD,
    "eos_token_id": EOS,
    "bos_token_id": None,
}
ENDS = {"pad_token_id": PAD, "eos_token_id": EOS, "bos_token_id": None}


def family(name: str) -> Any:
    torch.manual_seed(0)
    few = {key: value for key, value in USUAL.items() if key not in {"head_dim", "num_key_value_heads"}}
    old = {"vocab_size": VOCABULARY, "initializer_range": 0.2, **ENDS}
    model = {
        "llama": llama,
        "qwen3": qwen3,
        "gpt2": lambda: GPT2LMHeadModel(GPT2Config(n_embd=24, n_layer=2, n_head=4, n_positions=64, **old)),
        "bloom": lambda: BloomForCausalLM(BloomConfig(hidden_size=24, n_layer=2, n_head=4, **old)),
        "opt": lambda: OPTForCausalLM(OPTConfig(ffn_dim=40, word_embed_proj_dim=16, dropout=0.3, init_std=0.2, **few)),
        "phi": lambda: PhiForCausalLM(PhiConfig(**few | {"hidden_size": 32})),
        "gemma2": lambda: Gemma2ForCausalLM(Gemma2Config(final_logit_softcapping=1.5, **USUAL)),
        "cohere": lambda: CohereForCausalLM(CohereConfig(logit_scale=0.3, **few)),
        "granite": lambda: GraniteForCausalLM(GraniteConfig(logits_scaling=4.0, **few)),
    }[name]()
    return model.eval()


FAMILIES = ("llama", "qwen3", "gpt2", "bloom", "opt", "phi", "gemma2", "cohere", "granite")


@pytest.mark.parametrize("name", FAMILIES)
def test_scores_of_many_families_equal_their_own_unpadded_forward(name: str) -> None:
    model, samples = family(name), random_samples()
    scores = score_samples_hf(model, samples, 0.8)
    log_probs, entropies = reference(model, samples, 0.8)
    torch.testing.assert_close(scores.log_probs, log_probs, atol=1e-5, rtol=0)
    torch.testing.assert_close(scores.entropy, entropies, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", FAMILIES)
def test_samplers_and_scores_of_many_families_agree(name: str) -> None:
    model = family(name)
    samples = HfSampler(model, (EOS,), PAD, decode).sample([[2, 3, 4, 5], [6], [7, 8]], Decoding(3, 8, 0.9), 0)
    log_probs = score_samples_hf(model, samples, 0.9).log_probs.detach()
    torch.testing.assert_close(samples.log_probs, log_probs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("recompute", [False, True], ids=["kept", "recomputed"])
@pytest.mark.parametrize("name", FAMILIES)
def test_gradients_of_many_families_are_those_of_plain_autograd(name: str, recompute: bool) -> None:
    model, samples = family(name), random_samples()
    weights, others = torch.randn(2, *samples.response_ids.shape, generator=torch.Generator().manual_seed(1))
    scores = score_samples_hf(model, samples, 0.8, entropy_grad=True, recompute=recompute)
    (scores.log_probs * weights + scores.entropy * others).sum().backward()
    ours = {key: weight.grad for key, weight in model.named_parameters()}
    model.zero_grad()
    log_probs, entropies = reference(model, samples, 0.8)
    (log_probs * weights + entropies * others).sum().backward()
    total = torch.stack([weight.grad.norm() for weight in model.parameters()]).norm()
    for key, weight in model.named_parameters():
        assert (ours[key] - weight.grad).norm() <= 1e-5 * total, key


def test_padding_adds_at_most_a_quarter_and_every_sample_is_scored_once(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, shapes = random_samples(prompts=8, group_size=6, tokens=60), []
    model = llama()
    hook = model.model.embed_tokens.register_forward_hook(lambda _, args, out: shapes.append(args[0].shape))
    scores = score_samples_hf(model, samples, 1.0)
    hook.remove()
    real = samples.response_mask.sum() + samples.prompt_mask.sum(dim=1)[samples.group].sum()
    assert sum(rows for rows, _ in shapes) == 48
    assert real <= sum(rows * width for rows, width in shapes) <= real / 0.8
    monkeypatch.setattr(module, "SIMILAR_LENGTH", 0.0)  # one forward pass
    torch.testing.assert_close(score_samples_hf(model, samples, 1.0).log_probs, scores.log_probs, atol=1e-5, rtol=0)


def test_a_response_without_tokens_scores_nothing() -> None:
    model, samples = llama(), random_samples()
    blanked = replace(samples, response_mask=samples.response_mask & (torch.arange(len(samples.group)) != 2)[:, None])
    expected = score_samples_hf(model, samples, 1.0).log_probs * blanked.response_mask
    torch.testing.assert_close(score_samples_hf(model, blanked, 1.0).log_probs, expected, atol=1e-5, rtol=0)
