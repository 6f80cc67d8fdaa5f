from __future__ import annotations

import pytest
import torch

from harness.engines.base.optimizer_state import FP32MasterWeights
from harness.engines.base.protocols import Decoding
from harness.engines.torch.hf_sampler import HfSampler
from harness.engines.torch.hf_scores import score_samples_hf
from tests.harness.engines.learners import learner, step
from tests.harness.engines.policies import EOS, PAD, decode, llama, random_samples, reference


def test_float32_weights_are_trained_in_place() -> None:
    model = llama()
    weights = FP32MasterWeights(model.parameters())
    assert all(one is other for one, other in zip(weights.masters, model.parameters(), strict=True))


def test_updates_too_small_for_bfloat16_add_up() -> None:
    weight = torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
    weights = FP32MasterWeights([weight])
    optimizer = torch.optim.SGD(weights.masters, lr=1e-3)  # the numbers below 1 are 0.0039 apart
    for _ in range(5):
        weight.sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        weights.copy_to_parameters()
    torch.testing.assert_close(weights.masters[0].detach(), torch.full((3,), 0.995))
    assert weight.tolist() == [torch.tensor(0.995).bfloat16().item()] * 3
    assert weight.dtype == torch.bfloat16


def test_gradients_of_micro_batches_add_up_in_float32() -> None:
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    weights = FP32MasterWeights([weight])
    for factor in [256.0] + [0.5] * 8:  # bfloat16 has no 256.5
        (weight * factor).sum().backward()
    assert weights.masters[0].grad.item() == 260.0
    assert weight.grad is None


def test_a_half_precision_model_samples_scores_and_learns() -> None:
    model, samples = llama().bfloat16(), random_samples(prompts=6, group_size=4)
    drawn = HfSampler(model, (EOS,), PAD, decode).sample([[2, 3], [4]], Decoding(4, 8), 0)
    assert drawn.log_probs.dtype == torch.float32
    log_probs, _ = reference(model.float(), samples)
    model.bfloat16()
    scored = score_samples_hf(model, samples, 1.0).log_probs
    assert scored.dtype == torch.float32
    torch.testing.assert_close(scored, log_probs, atol=0.2, rtol=0)
    one = learner(model, score_samples_hf, micro_batch_tokens=60, lr=1e-2)
    entropies = [step(one, samples)["policy/entropy"] for _ in range(3)]
    assert all(weight.dtype == torch.bfloat16 for weight in model.parameters())
    assert len(set(entropies)) == 3


@pytest.mark.parametrize("tokens", [60, 10_000])
def test_a_half_precision_model_learns_at_the_rate_of_the_paper(tokens: int) -> None:
    model, samples = llama().bfloat16(), random_samples(prompts=6, group_size=4)
    before = [weight.detach().clone() for weight in model.parameters()]
    one = learner(model, score_samples_hf, micro_batch_tokens=tokens, lr=1e-6)
    assert step(one, samples)["update/grad_norm"] > 0
    moved = [
        (master.detach() - was.float()).abs().max().item()
        for master, was in zip(one._weights.masters, before, strict=True)
    ]
    assert max(moved) == pytest.approx(1e-6, rel=0.2)
