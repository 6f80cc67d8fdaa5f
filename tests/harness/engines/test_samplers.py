from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from scipy.stats import chisquare

from harness.engines import compact_sampler
from harness.engines.compact_sampler import CompactSampler
from harness.engines.hf_sampler import HfSampler
from harness.engines.protocols import Decoding
from tests.harness.engines.policies import EOS, PAD, VOCABULARY, decode, llama, qwen3, reference

if TYPE_CHECKING:
    from harness.engines.protocols import Sampler, Samples

PROMPTS = [[2, 3, 4, 5, 6], [7], [8, 9, 10], [3, 3]]
SAMPLERS = {"compact": CompactSampler, "hf": HfSampler}
both = pytest.mark.parametrize("kind", SAMPLERS.values(), ids=SAMPLERS)


def sampler(kind: Any, model: Any = None) -> Sampler:
    return kind(qwen3() if model is None else model, EOS, PAD, decode)


def same(one: Samples, other: Samples) -> bool:
    return torch.equal(one.response_ids, other.response_ids) and torch.equal(one.log_probs, other.log_probs)


@both
@pytest.mark.parametrize("temperature", [0.6, 1.0, 0.0])
def test_log_probs_are_those_of_the_unpadded_forward(kind: Any, temperature: float) -> None:
    model = qwen3()
    samples = sampler(kind, model).sample(PROMPTS, Decoding(5, 12, temperature), seed=0)
    log_probs, _ = reference(model, samples, temperature or 1)
    torch.testing.assert_close(samples.log_probs, log_probs.detach(), atol=1e-5, rtol=0)


@both
def test_outcomes_are_as_frequent_as_their_probabilities(kind: Any) -> None:
    model, prompt, draws = qwen3(), [2, 3, 4], 6000
    samples = sampler(kind, model).sample([prompt], Decoding(draws, 2, 0.9), seed=0)
    with torch.no_grad():
        first = (model(torch.tensor([prompt])).logits[0, -1] / 0.9).softmax(dim=-1)
        pairs = torch.tensor([[*prompt, token] for token in range(VOCABULARY)])
        joint = first[:, None] * (model(pairs).logits[:, -1] / 0.9).softmax(dim=-1)  # (V, V)
    joint[EOS] = 0  # nothing follows an EOS
    joint[EOS, PAD] = first[EOS]
    padded = torch.nn.functional.pad(samples.response_ids, (0, 2 - samples.response_ids.shape[1]), value=PAD)
    counts = torch.bincount(padded[:, 0] * VOCABULARY + padded[:, 1], minlength=VOCABULARY**2)
    common = joint.view(-1) * draws >= 5
    observed = [*counts[common].tolist(), counts[~common].sum().item()]
    expected = [*(joint.view(-1)[common] * draws).tolist(), joint.view(-1)[~common].sum().item() * draws]
    scale = sum(observed) / sum(expected)
    assert chisquare(observed, [value * scale for value in expected]).pvalue > 0.01


@both
def test_a_response_ends_with_its_first_eos_and_says_so(kind: Any) -> None:
    samples = sampler(kind).sample(PROMPTS, Decoding(40, 12), seed=0)
    lengths = samples.response_mask.sum(dim=1)
    last = samples.response_ids.gather(1, lengths[:, None] - 1)[:, 0]
    assert samples.truncated.any()
    assert not samples.truncated.all()
    assert torch.equal(last == EOS, ~samples.truncated)
    assert (lengths[samples.truncated] == 12).all()
    assert ((samples.response_ids == EOS).sum(dim=1) == (~samples.truncated).long()).all()
    assert (samples.response_ids[~samples.response_mask] == PAD).all()
    assert (samples.log_probs[~samples.response_mask] == 0).all()


@both
def test_texts_are_the_responses_without_eos(kind: Any) -> None:
    samples = sampler(kind).sample(PROMPTS, Decoding(3, 12), seed=0)
    for text, ids, mask in zip(samples.texts, samples.response_ids, samples.response_mask, strict=True):
        assert text == " ".join(str(token) for token in ids[mask].tolist() if token != EOS)


@both
def test_prompts_come_back_left_padded_and_in_groups(kind: Any) -> None:
    samples = sampler(kind).sample(PROMPTS, Decoding(2, 4), seed=0)
    assert samples.prompt_ids[1].tolist() == [PAD, PAD, PAD, PAD, 7]
    assert samples.prompt_mask.sum(dim=1).tolist() == [5, 1, 3, 2]
    assert samples.group.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


@both
def test_the_seed_decides(kind: Any) -> None:
    draws = sampler(kind)
    one = draws.sample(PROMPTS, Decoding(4, 10), seed=1)
    assert same(one, draws.sample(PROMPTS, Decoding(4, 10), seed=1))
    assert not torch.equal(one.response_ids, draws.sample(PROMPTS, Decoding(4, 10), seed=2).response_ids)


@both
def test_sampling_leaves_the_global_random_state_alone(kind: Any) -> None:
    draws = sampler(kind)
    before = torch.get_rng_state()
    draws.sample(PROMPTS, Decoding(2, 4), seed=1)
    assert torch.equal(torch.get_rng_state(), before)


@both
def test_greedy_samples_of_a_prompt_agree(kind: Any) -> None:
    samples = sampler(kind).sample(PROMPTS, Decoding(3, 8, temperature=0), seed=0)
    groups = samples.response_ids.view(len(PROMPTS), 3, -1)
    assert (groups == groups[:, :1]).all()


@both
def test_a_prompt_without_tokens_is_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        sampler(kind).sample([[2], []], Decoding(1, 4), seed=0)


def test_both_samplers_take_the_same_greedy_path() -> None:
    model = qwen3()
    ours, theirs = (
        sampler(kind, model).sample(PROMPTS, Decoding(1, 10, temperature=0), seed=0) for kind in SAMPLERS.values()
    )
    assert torch.equal(ours.response_ids, theirs.response_ids)


@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
def test_dropping_finished_samples_changes_nothing(kept: float, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = sampler(CompactSampler)
    usual = draws.sample(PROMPTS, Decoding(8, 12), seed=0)
    monkeypatch.setattr(compact_sampler, "WORTH_KEEPING", kept)
    samples = draws.sample(PROMPTS, Decoding(8, 12), seed=0)
    assert torch.equal(samples.response_ids, usual.response_ids)
    torch.testing.assert_close(samples.log_probs, usual.log_probs, atol=1e-5, rtol=0)


def test_chunks_of_prompts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = sampler(CompactSampler)
    usual = draws.sample(PROMPTS, Decoding(8, 12), seed=0)
    monkeypatch.setattr(compact_sampler, "CACHE_BYTES", 1)
    samples = draws.sample(PROMPTS, Decoding(8, 12), seed=0)
    assert torch.equal(samples.response_ids, usual.response_ids)
    torch.testing.assert_close(samples.log_probs, usual.log_probs, atol=1e-5, rtol=0)


def test_a_sample_draws_the_same_beside_other_prompts() -> None:
    draws = sampler(CompactSampler)
    alone, beside = (draws.sample(prompts, Decoding(4, 12), seed=0) for prompts in (PROMPTS[:1], PROMPTS))
    width = alone.response_ids.shape[1]
    assert torch.equal(beside.response_ids[:4, :width], alone.response_ids)


def test_the_compact_sampler_reads_the_weights_of_the_moment() -> None:
    model = qwen3()
    draws = sampler(CompactSampler, model)
    before = draws.sample(PROMPTS, Decoding(2, 8), seed=0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.5)
    after = draws.sample(PROMPTS, Decoding(2, 8), seed=0)
    torch.testing.assert_close(after.log_probs, reference(model, after)[0].detach(), atol=1e-5, rtol=0)
    assert not same(before, after)


def test_the_compact_sampler_refuses_other_models() -> None:
    with pytest.raises(ValueError, match="cannot run LlamaForCausalLM"):
        CompactSampler(llama(), EOS, PAD, decode)


def test_generate_ignores_the_sampling_habits_of_the_model() -> None:
    model = qwen3()
    plain = sampler(HfSampler, model).sample(PROMPTS, Decoding(4, 10), seed=0)
    model.generation_config.update(top_k=2, top_p=0.5, repetition_penalty=2.0, min_p=0.4, use_cache=False)
    assert same(sampler(HfSampler, model).sample(PROMPTS, Decoding(4, 10), seed=0), plain)
