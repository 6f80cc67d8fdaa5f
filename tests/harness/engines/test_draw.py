from __future__ import annotations

import torch

from harness.engines.draw import draw, invert, uniforms


def test_the_unit_interval_is_cut_in_proportion_to_the_probabilities() -> None:
    log_probs = torch.tensor([0.25, 0.0, 0.5, 0.25]).log().expand(5, -1)
    uniform = torch.tensor([0.0, 0.2499, 0.25, 0.7499, 0.75])
    assert invert(log_probs.contiguous(), uniform).tolist() == [0, 0, 2, 2, 3]


def test_the_largest_number_still_draws_a_possible_token() -> None:
    largest = torch.tensor([1.0]).nextafter(torch.tensor([0.0]))
    for seed in range(50):
        logits = torch.randn(1, 40, generator=torch.Generator().manual_seed(seed))
        logits[0, 30:] = -torch.inf
        assert invert(logits.log_softmax(dim=-1), largest).item() < 30


def test_temperature_zero_takes_the_likeliest_token_and_scores_it_at_one() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0]])
    ids, log_probs = draw(logits, torch.tensor([0.99]), temperature=0)
    assert ids.tolist() == [1]
    torch.testing.assert_close(log_probs, logits.log_softmax(dim=-1)[:, 1])


def test_log_probs_are_those_of_the_tempered_softmax() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0]])
    ids, log_probs = draw(logits, torch.tensor([0.0]), temperature=0.5)
    assert ids.tolist() == [0]
    torch.testing.assert_close(log_probs, (logits / 0.5).log_softmax(dim=-1)[:, 0])


def test_a_sample_keeps_its_numbers_when_others_are_added() -> None:
    assert torch.equal(uniforms(40, 7, seed=3)[:10], uniforms(10, 7, seed=3))
    assert not torch.equal(uniforms(10, 7, seed=3), uniforms(10, 7, seed=4))
