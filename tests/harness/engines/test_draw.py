from __future__ import annotations

import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from harness.engines.base import sampling as draw_module
from harness.engines.base.protocols import Decoding
from harness.engines.base.sampling import (
    LARGE_VOCABULARY,
    SampledTokens,
    draw_all_uniforms,
    draw_uniforms,
    invert_cdf,
    sample_tokens,
)


def test_the_unit_interval_is_cut_in_proportion_to_the_probabilities() -> None:
    log_probs = torch.tensor([0.25, 0.0, 0.5, 0.25]).log().expand(5, -1)
    uniform = torch.tensor([0.0, 0.2499, 0.25, 0.7499, 0.75])
    assert invert_cdf(log_probs.contiguous(), uniform).tolist() == [0, 0, 2, 2, 3]


def test_the_largest_number_still_draws_a_possible_token() -> None:
    largest = torch.tensor([1.0]).nextafter(torch.tensor([0.0]))
    for seed in range(50):
        logits = torch.randn(1, 40, generator=torch.Generator().manual_seed(seed))
        logits[0, 30:] = -torch.inf
        assert invert_cdf(logits.log_softmax(dim=-1), largest).item() < 30


def test_temperature_zero_takes_the_likeliest_token_and_scores_it_at_one() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0]])
    drawn = sample_tokens(logits, torch.tensor([0.99]), Decoding(1, 1, temperature=0))
    assert drawn.ids.tolist() == [1]
    torch.testing.assert_close(drawn.log_probs, logits.log_softmax(dim=-1)[:, 1])


def test_log_probs_are_those_of_the_tempered_softmax() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0]])
    drawn = sample_tokens(logits, torch.tensor([0.0]), Decoding(1, 1, temperature=0.5))
    assert drawn.ids.tolist() == [0]
    torch.testing.assert_close(drawn.log_probs, (logits / 0.5).log_softmax(dim=-1)[:, 0])


def test_a_sample_keeps_its_numbers_when_others_are_added() -> None:
    assert torch.equal(draw_uniforms(40, 7, seed=3)[:10], draw_uniforms(10, 7, seed=3))
    assert not torch.equal(draw_uniforms(10, 7, seed=3), draw_uniforms(10, 7, seed=4))


def test_numbers_of_a_prompt_depend_on_its_seed_the_sample_and_the_position_alone() -> None:
    wide, narrow = draw_all_uniforms(3, Decoding(4, 9), [7, 8, 9]), draw_all_uniforms(2, Decoding(2, 5), [9, 7])
    assert wide.shape == (12, 9)
    assert torch.equal(narrow, torch.cat((wide[8:10, :5], wide[0:2, :5])))
    assert len(wide.unique()) == wide.numel()


@pytest.mark.parametrize(("top_p", "top_k"), [(1.0, 4), (0.7, 0), (0.6, 9), (0.01, 0), (1.0, 1), (0.99, 100)])
@pytest.mark.parametrize(("vocabulary", "few"), [(11, 11), (11, 2), (LARGE_VOCABULARY, 1024)])
def test_cuts_are_those_of_transformers(
    vocabulary: int, few: int, top_p: float, top_k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draw_module, "FEW", few)
    decoding, steps = Decoding(1, 1, 0.7, top_p, top_k), 5000
    logits = 3 * torch.randn(1, vocabulary, generator=torch.Generator().manual_seed(4))
    warpers = [TemperatureLogitsWarper(0.7), *([TopKLogitsWarper(top_k)] if top_k else []), TopPLogitsWarper(top_p)]
    wanted = logits
    for warper in warpers:
        wanted = warper(None, wanted)
    uniform = torch.arange(steps) / steps
    counts = torch.zeros(vocabulary)
    for part in uniform.split(1000):
        drawn = sample_tokens(logits.expand(len(part), -1), part, decoding)
        counts += torch.bincount(drawn.ids, minlength=vocabulary)
        torch.testing.assert_close(drawn.log_probs, wanted.log_softmax(dim=-1)[0, drawn.ids])
    assert (counts - wanted.softmax(dim=-1)[0] * steps).abs().max() <= 2  # each token's share of the unit interval


def test_a_large_vocabulary_keeps_the_mass_of_its_tail() -> None:
    tail = torch.full((1, 150_000), -23.0)
    tail[0, 0] = 0.0
    share = tail.softmax(dim=-1)[0, 1:].sum().item()  # 1.5e-5, each token far below the spacing of float32 at 1
    edge = torch.tensor([1 - share / 2])
    assert invert_cdf(tail.log_softmax(dim=-1), edge).item() == pytest.approx(75_000, abs=1000)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.3])
@pytest.mark.parametrize(
    ("top_p", "top_k"), [(1.0, 4), (0.7, 0), (0.6, 9), (0.01, 0), (1.0, 1), (0.99, 8), (0.999999, 0)]
)
@pytest.mark.parametrize("few", [11, 2])
def test_the_mass_that_is_left_leads_back_to_the_whole_softmax(
    few: int, top_p: float, top_k: int, temperature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draw_module, "FEW", few)
    logits = 3 * torch.randn(40, 11, generator=torch.Generator().manual_seed(4))
    choice = sample_tokens(logits, torch.linspace(0, 0.999, 40), Decoding(1, 1, temperature, top_p, top_k))
    whole = (logits / temperature).log_softmax(dim=-1).gather(1, choice.ids[:, None])[:, 0]
    assert choice.log_kept is not None
    torch.testing.assert_close(choice.log_probs + choice.log_kept, whole)
    assert (choice.log_kept <= 0).all()
    if not top_k:
        assert (choice.log_kept.exp() >= top_p - 1e-6).all()


@pytest.mark.parametrize(
    "decoding",
    [
        Decoding(1, 1),
        Decoding(1, 1, 0.7),
        Decoding(1, 1, 1.0, 1.0, 11),
        Decoding(1, 1, 1.0, 1.0, 500),
        Decoding(1, 1, 0.0, 0.5, 3),
    ],
    ids=["plain", "tempered", "all tokens", "more tokens than there are", "greedy"],
)
def test_a_neutral_cut_is_none(decoding: Decoding) -> None:
    logits = torch.randn(5, 11, generator=torch.Generator().manual_seed(4))
    choice = sample_tokens(logits, torch.full((5,), 0.5), decoding)
    assert choice.log_kept is None
    assert not decoding.cuts(11)
    log_probs = (logits / (decoding.temperature or 1)).log_softmax(dim=-1)
    torch.testing.assert_close(choice.log_probs, log_probs.gather(1, choice.ids[:, None])[:, 0])


def test_parts_of_a_batch_join_with_what_was_left_or_without() -> None:
    logits, uniform = torch.randn(6, 11, generator=torch.Generator().manual_seed(4)), torch.linspace(0, 0.9, 6)
    for decoding in (Decoding(1, 1), Decoding(1, 1, top_p=0.7)):
        whole = sample_tokens(logits, uniform, decoding)
        joined = SampledTokens.join(
            [sample_tokens(logits[:4], uniform[:4], decoding), sample_tokens(logits[4:], uniform[4:], decoding)]
        )
        assert torch.equal(joined.ids, whole.ids)
        torch.testing.assert_close(joined.log_probs, whole.log_probs)
        assert (joined.log_kept is None) == (whole.log_kept is None)
        if whole.log_kept is not None:
            torch.testing.assert_close(joined.log_kept, whole.log_kept)
