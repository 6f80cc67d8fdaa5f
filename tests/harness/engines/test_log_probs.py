from __future__ import annotations

import pytest
import torch

from harness.engines.base import log_probs
from harness.engines.base.log_probs import score_logits


def logits_and_ids(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(4, 5, 7, generator=generator)
    return logits, torch.randint(7, (4, 5), generator=generator)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_scores_are_those_of_the_tempered_softmax(temperature: float) -> None:
    logits, ids = logits_and_ids()
    table = (logits / temperature).log_softmax(dim=-1)
    scores = score_logits(logits, ids, temperature)
    torch.testing.assert_close(scores.log_probs, table.gather(2, ids[..., None])[..., 0])
    torch.testing.assert_close(scores.entropy, -(table.exp() * table).sum(dim=-1))


def test_gradients_are_those_of_autograd() -> None:
    logits, ids = logits_and_ids()
    weights = torch.randn(ids.shape, generator=torch.Generator().manual_seed(1))
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    (score_logits(ours, ids, 0.7).log_probs * weights).sum().backward()
    ((theirs / 0.7).log_softmax(dim=-1).gather(2, ids[..., None])[..., 0] * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_gradients_of_log_probs_and_entropy_together_are_those_of_autograd(temperature: float) -> None:
    logits, ids = logits_and_ids()
    weights, others = torch.randn(2, *ids.shape, generator=torch.Generator().manual_seed(1))
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    scores = score_logits(ours, ids, temperature, entropy_grad=True)
    (scores.log_probs * weights + scores.entropy * others).sum().backward()
    table = (theirs / temperature).log_softmax(dim=-1)
    entropy = -(table.exp() * table).sum(dim=-1)
    (table.gather(2, ids[..., None])[..., 0] * weights + entropy * others).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_an_entropy_that_no_loss_reads_leaves_the_gradient_of_the_log_probs() -> None:
    logits, ids = logits_and_ids()
    found = []
    for asked in (False, True):
        leaf = logits.clone().requires_grad_()
        score_logits(leaf, ids, 0.7, entropy_grad=asked).log_probs.sum().backward()
        found.append(leaf.grad)
    assert torch.equal(*found)


def test_an_impossible_token_gives_the_entropy_no_gradient() -> None:
    logits = torch.tensor([[1.0, 0.0, -torch.inf]], requires_grad=True)
    score_logits(logits, torch.tensor([0]), 1.0, entropy_grad=True).entropy.sum().backward()
    # p = 0.731 and 0.269, H = 0.582: -0.731 (-0.313 + 0.582) = -0.197, and the other logit the opposite.
    torch.testing.assert_close(logits.grad, torch.tensor([[-0.19661, 0.19661, 0.0]]), atol=1e-5, rtol=0)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, ids = logits_and_ids()
    whole = logits.clone().requires_grad_()
    expected = score_logits(whole, ids, 1.0, entropy_grad=True)
    (expected.log_probs + expected.entropy).sum().backward()
    monkeypatch.setattr(log_probs, "CHUNK_ELEMENTS", 21)  # three rows at a time
    chunked = logits.clone().requires_grad_()
    scores = score_logits(chunked, ids, 1.0, entropy_grad=True)
    (scores.log_probs + scores.entropy).sum().backward()
    assert torch.equal(scores.log_probs, expected.log_probs)
    assert torch.equal(scores.entropy, expected.entropy)
    assert torch.equal(chunked.grad, whole.grad)


def test_half_precision_logits_are_scored_in_float32() -> None:
    logits, ids = logits_and_ids()
    scores = score_logits(logits.bfloat16(), ids, 1.0)
    assert scores.log_probs.dtype == torch.float32
    torch.testing.assert_close(scores.log_probs, score_logits(logits.bfloat16().float(), ids, 1.0).log_probs)


def test_an_impossible_token_adds_nothing_to_the_entropy() -> None:
    logits = torch.tensor([[0.0, 0.0, -torch.inf]])
    scores = score_logits(logits, torch.tensor([0]), 1.0)
    torch.testing.assert_close(scores.entropy, torch.tensor([2.0]).log())


def test_entropy_carries_no_gradient_unless_asked() -> None:
    logits, ids = logits_and_ids()
    assert not score_logits(logits.requires_grad_(), ids, 1.0).entropy.requires_grad
