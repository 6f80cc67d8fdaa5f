from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from harness.engines.qwen3 import forward as qwen3_module, packing
from harness.engines.qwen3.forward import is_supported, score_samples_compact
from harness.engines.torch.hf_scores import score_samples_hf
from tests.harness.engines.policies import llama, qwen3, random_samples, reference

MODELS = {
    "tied": {},
    "untied": {"tie_word_embeddings": False},
    "a key head per query head": {"num_key_value_heads": 4},
    "another rotation": {"rope_parameters": {"rope_type": "default", "rope_theta": 50.0}, "rms_norm_eps": 1e-3},
}
SCORERS = {"compact": score_samples_compact, "hf": score_samples_hf}


@pytest.mark.parametrize("changes", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("scorer", SCORERS.values(), ids=SCORERS)
def test_scores_equal_the_unpadded_forward_of_transformers(scorer: object, changes: dict[str, object]) -> None:
    model, samples = qwen3(**changes), random_samples()
    scores = scorer(model, samples, 0.8)
    log_probs, entropies = reference(model, samples, 0.8)
    torch.testing.assert_close(scores.log_probs, log_probs, atol=1e-5, rtol=0)
    torch.testing.assert_close(scores.entropy, entropies, atol=1e-5, rtol=0)


@pytest.mark.parametrize("changes", MODELS.values(), ids=MODELS)
def test_gradients_equal_those_of_transformers(changes: dict[str, object]) -> None:
    model, samples = qwen3(**changes), random_samples()
    weights = torch.randn(samples.response_ids.shape, generator=torch.Generator().manual_seed(1))
    (score_samples_compact(model, samples, 0.8).log_probs * weights).sum().backward()
    ours = {name: weight.grad for name, weight in model.named_parameters()}
    model.zero_grad()
    (reference(model, samples, 0.8)[0] * weights).sum().backward()
    for name, weight in model.named_parameters():
        assert (ours[name] - weight.grad).norm() <= 1e-5 * weight.grad.norm(), name


@pytest.mark.parametrize("scorer", SCORERS.values(), ids=SCORERS)
def test_gradients_of_the_entropy_equal_those_of_transformers(scorer: Any) -> None:
    model, samples = qwen3(), random_samples()
    weights = torch.randn(samples.response_ids.shape, generator=torch.Generator().manual_seed(1))
    (scorer(model, samples, 0.8, entropy_grad=True).entropy * weights).sum().backward()
    ours = {name: weight.grad for name, weight in model.named_parameters()}
    model.zero_grad()
    (reference(model, samples, 0.8)[1] * weights).sum().backward()
    for name, weight in model.named_parameters():
        assert (ours[name] - weight.grad).norm() <= 1e-4 * weight.grad.norm(), name


def test_buckets_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model, samples = qwen3(), random_samples(prompts=5, group_size=4)
    expected = score_samples_compact(model, samples, 1.0).log_probs
    monkeypatch.setattr(packing, "BUCKET_ROWS", 3)
    torch.testing.assert_close(score_samples_compact(model, samples, 1.0).log_probs, expected, atol=1e-5, rtol=0)


def test_a_sequence_scores_the_same_whatever_stands_in_its_padding() -> None:
    model, samples = qwen3(), random_samples()
    dirty = replace(
        samples,
        prompt_ids=torch.where(samples.prompt_mask, samples.prompt_ids, 7),
        response_ids=torch.where(samples.response_mask, samples.response_ids, 9),
    )
    torch.testing.assert_close(
        score_samples_compact(model, dirty, 1.0).log_probs, score_samples_compact(model, samples, 1.0).log_probs
    )


def test_responses_without_tokens_score_nothing() -> None:
    model, samples = qwen3(), random_samples()
    blanked = replace(samples, response_mask=samples.response_mask & (torch.arange(len(samples.group)) != 2)[:, None])
    expected = score_samples_compact(model, samples, 1.0).log_probs * blanked.response_mask
    torch.testing.assert_close(score_samples_compact(model, blanked, 1.0).log_probs, expected, atol=1e-5, rtol=0)


ROUTES = {"long contexts": ("KEPT_WEIGHTS", 0), "large vocabularies": ("HEAD_ELEMENTS", 30)}


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_bounded_memory_changes_neither_scores_nor_gradients(
    route: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, samples, found = qwen3(), random_samples(), []
    for bounded in (False, True):
        if bounded:
            monkeypatch.setattr(qwen3_module, *route)
        model.zero_grad()
        scores = score_samples_compact(model, samples, 0.8, entropy_grad=True)
        (scores.log_probs.sum() + scores.entropy.square().sum()).backward()
        gradients = torch.cat([weight.grad.flatten() for weight in model.parameters()])
        found.append((scores.log_probs.detach(), scores.entropy.detach(), gradients / gradients.norm()))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def test_the_count_of_attention_weights_is_that_of_the_buckets() -> None:
    samples = random_samples(prompts=20, group_size=3)
    counted = sum(bucket.bias.numel() for bucket in packing.pack(samples).buckets)
    assert packing.attention_weights(samples) == counted


def test_qwen3_in_float32_is_supported() -> None:
    assert is_supported(qwen3())
    assert is_supported(qwen3(tie_word_embeddings=False))


@pytest.mark.parametrize(
    "model",
    [
        llama(),
        qwen3().bfloat16(),
        qwen3(attention_bias=True),
        qwen3(hidden_act="gelu"),
        qwen3(rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}),
        qwen3(use_sliding_window=True, sliding_window=4, max_window_layers=1),
    ],
    ids=["another architecture", "half precision", "biases", "another activation", "scaled rotation", "window"],
)
def test_other_models_are_refused(model: object) -> None:
    assert not is_supported(model)
