from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from scipy.stats import chisquare

from harness.engines.base import sampling as chunks
from harness.engines.base.protocols import Decoding
from harness.engines.qwen3 import sampler as compact_sampler
from harness.engines.qwen3.sampler import CompactSampler
from harness.engines.torch import hf_sampler
from harness.engines.torch.hf_sampler import HfSampler
from tests.harness.engines.policies import EOS, PAD, VOCABULARY, decode, llama, qwen3, reference

if TYPE_CHECKING:
    from harness.engines.base.protocols import Sampler, Samples

PROMPTS = [[2, 3, 4, 5, 6], [7], [8, 9, 10], [3, 3]]
SAMPLERS = {"compact": CompactSampler, "hf": HfSampler}
both = pytest.mark.parametrize("kind", SAMPLERS.values(), ids=SAMPLERS)


def sampler(kind: Any, model: Any = None) -> Sampler:
    return kind(qwen3() if model is None else model, (EOS,), PAD, decode)


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


@pytest.mark.parametrize("first", [1, 3, 8])
def test_a_cache_that_grows_gives_the_samples_of_a_whole_one(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, decoding, grown = qwen3(), Decoding(5, 24, 1.0), list[int]()
    monkeypatch.setattr(compact_sampler, "FIRST_SLOTS", 24)
    whole = sampler(CompactSampler, model).sample(PROMPTS, decoding, seed=0)
    monkeypatch.setattr(compact_sampler, "FIRST_SLOTS", first)
    make_room = compact_sampler.Cache.make_room

    def watched(cache: compact_sampler.Cache) -> None:
        make_room(cache)
        grown.append(cache.layers[0][0].shape[2])

    monkeypatch.setattr(compact_sampler.Cache, "make_room", watched)
    assert same(whole, sampler(CompactSampler, model).sample(PROMPTS, decoding, seed=0))
    assert len(set(grown)) > 2
    assert max(grown) <= len(PROMPTS[0]) + 24 - 1


@both
@pytest.mark.parametrize("logits", [3, 9, 16], ids=["parts of a group", "a group", "two groups"])
def test_chunks_change_nothing(logits: int, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = sampler(kind)
    usual = draws.sample(PROMPTS, Decoding(8, 12), seed=0)
    monkeypatch.setattr(chunks, "LOGIT_BYTES", 4 * VOCABULARY * logits)
    samples = draws.sample(PROMPTS, Decoding(8, 12), seed=0)
    assert torch.equal(samples.response_ids, usual.response_ids)
    torch.testing.assert_close(samples.log_probs, usual.log_probs, atol=1e-5, rtol=0)


@both
def test_the_cache_bounds_the_samples_at_once(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    draws, seen = sampler(kind), []
    usual = draws.sample(PROMPTS, Decoding(8, 12), seed=0)
    monkeypatch.setattr(compact_sampler, "CACHE_BYTES", 1)
    monkeypatch.setitem(hf_sampler.CACHE_BYTES, "cpu", 1)
    hook = draws._model.register_forward_hook(
        lambda _, args, kwargs, out: seen.append(len(out.logits)), with_kwargs=True
    )
    samples = draws.sample(PROMPTS, Decoding(8, 12), seed=0)
    hook.remove()
    assert torch.equal(samples.response_ids, usual.response_ids)
    assert set(seen) <= {1}


@both
def test_a_sample_draws_the_same_beside_other_prompts(kind: Any) -> None:
    draws = sampler(kind)
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
    with pytest.raises(ValueError, match="LlamaForCausalLM is not Qwen3"):
        CompactSampler(llama(), (EOS,), PAD, decode)


def test_generate_ignores_the_sampling_habits_of_the_model() -> None:
    model = qwen3()
    plain = sampler(HfSampler, model).sample(PROMPTS, Decoding(4, 10), seed=0)
    model.generation_config.update(top_k=2, top_p=0.5, repetition_penalty=2.0, min_p=0.4, use_cache=False)
    assert same(sampler(HfSampler, model).sample(PROMPTS, Decoding(4, 10), seed=0), plain)


@both
@pytest.mark.parametrize("decoding", [Decoding(3, 12), Decoding(3, 12, 0.9, top_p=0.8, top_k=6)], ids=["whole", "cut"])
def test_with_a_seed_for_each_prompt_its_samples_depend_on_nothing_beside_it(decoding: Decoding, kind: Any) -> None:
    draws, seeds = sampler(kind), [11, 12, 13, 14]
    together = draws.sample(PROMPTS, decoding, seeds)
    backwards = draws.sample(PROMPTS[::-1], decoding, seeds[::-1])
    larger = draws.sample(PROMPTS[2:3], replace(decoding, group_size=5, max_response_length=20), seeds[2:3])
    assert answers(backwards, 1) == answers(together, 2)
    assert [answer[:12] for answer in answers(larger, 0)[:3]] == answers(together, 2)


@both
def test_prompts_of_one_seed_share_their_numbers(kind: Any) -> None:
    samples = sampler(kind).sample([PROMPTS[0], PROMPTS[0], PROMPTS[0]], Decoding(4, 12), [5, 5, 6])
    assert answers(samples, 0) == answers(samples, 1) != answers(samples, 2)


@both
def test_another_count_of_seeds_than_of_prompts_is_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match="3 seeds for 4 prompts"):
        sampler(kind).sample(PROMPTS, Decoding(1, 4), [1, 2, 3])


@both
@pytest.mark.parametrize(("top_p", "top_k"), [(1.0, 3), (0.7, 0), (0.6, 5)])
def test_only_likely_tokens_are_drawn_and_scored_by_what_is_left_of_the_softmax(
    kind: Any, top_p: float, top_k: int
) -> None:
    model, temperature = qwen3(), 0.9
    samples = sampler(kind, model).sample(PROMPTS[:1], Decoding(60, 4, temperature, top_p, top_k), seed=0)
    for ids, mask, log_probs in zip(samples.response_ids, samples.response_mask, samples.log_probs, strict=True):
        for place, token in enumerate(ids[mask].tolist()):
            context = torch.tensor([[*PROMPTS[0], *ids[:place].tolist()]])
            left = _left(model(context).logits[0, -1].detach() / temperature, top_p, top_k)
            assert log_probs[place].item() == pytest.approx(left[token], abs=1e-5)


def _left(logits: torch.Tensor, top_p: float, top_k: int) -> dict[int, float]:
    """Log-probabilities of the tokens that the two cuts leave, one by one from the likeliest down."""
    chances = logits.softmax(dim=-1).tolist()
    order = sorted(range(len(chances)), key=lambda token: -chances[token])[: top_k or None]
    whole, held, kept = sum(chances[token] for token in order), 0.0, []
    for token in order:
        if held < top_p * whole:
            kept.append(token)
            held += chances[token]
    return {token: math.log(chances[token] / held) for token in kept}


@both
@pytest.mark.parametrize(("top_p", "top_k"), [(1.0, 3), (0.7, 0), (0.6, 5), (0.99, 100)])
def test_samplers_tell_what_a_cut_left_of_the_learners_distribution(kind: Any, top_p: float, top_k: int) -> None:
    model, temperature = qwen3(), 0.9
    samples = sampler(kind, model).sample(PROMPTS, Decoding(6, 12, temperature, top_p, top_k), seed=0)
    whole, _ = reference(model, samples, temperature)
    assert samples.log_kept is not None
    torch.testing.assert_close(samples.whole_log_probs, whole.detach(), atol=1e-5, rtol=0)
    assert (samples.log_kept[samples.response_mask] < 0).any()
    assert (samples.log_kept[~samples.response_mask] == 0).all()


@both
def test_samplers_that_cut_nothing_keep_nothing_of_it(kind: Any) -> None:
    for decoding in (Decoding(2, 6, 0.9), Decoding(2, 6, 0.9, 1.0, VOCABULARY), Decoding(2, 6, 0.0, 0.5)):
        samples = sampler(kind).sample(PROMPTS, decoding, seed=0)
        assert samples.log_kept is None
        assert samples.whole_log_probs is samples.log_probs


@both
def test_a_response_ends_at_any_of_several_tokens(kind: Any) -> None:
    usual = sampler(kind).sample(PROMPTS, Decoding(40, 12), seed=0)
    samples = kind(qwen3(), (EOS, 5), PAD, decode).sample(PROMPTS, Decoding(40, 12), seed=0)
    for row, (answer, longer) in enumerate(zip(all_answers(samples), all_answers(usual), strict=True)):
        ends = [place for place, token in enumerate(longer) if token in {EOS, 5}]
        assert answer == (longer[: ends[0] + 1] if ends else longer)
        assert samples.truncated[row].item() == (not ends)
        assert samples.texts[row].split() == [str(token) for token in answer if token not in {EOS, 5}]
    assert {answer[-1] for answer in all_answers(samples)} >= {EOS, 5}


@both
def test_padding_by_the_end_token_changes_nothing(kind: Any) -> None:
    usual = sampler(kind).sample(PROMPTS, Decoding(8, 12), seed=0)
    samples = kind(qwen3(), (EOS,), EOS, decode).sample(PROMPTS, Decoding(8, 12), seed=0)
    assert all_answers(samples) == all_answers(usual)
    assert torch.equal(samples.truncated, usual.truncated)
    torch.testing.assert_close(samples.log_probs, usual.log_probs)


def test_both_samplers_draw_the_same_tokens() -> None:
    model, decoding = qwen3(), Decoding(8, 12, 0.8, top_p=0.9, top_k=5)
    ours, theirs = (sampler(kind, model).sample(PROMPTS, decoding, [1, 2, 3, 4]) for kind in SAMPLERS.values())
    assert torch.equal(ours.response_ids, theirs.response_ids)


def answers(samples: Samples, prompt: int) -> list[list[int]]:
    return [answer for answer, group in zip(all_answers(samples), samples.group, strict=True) if group == prompt]


def all_answers(samples: Samples) -> list[list[int]]:
    pairs = zip(samples.response_ids, samples.response_mask, strict=True)
    return [ids[mask].tolist() for ids, mask in pairs]
