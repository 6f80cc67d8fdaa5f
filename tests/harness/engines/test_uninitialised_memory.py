"""Nothing is read from memory that was not written: torch fills such memory with nan here, as chance may elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from harness.engines.base.protocols import Decoding
from harness.engines.qwen3.forward import score_samples_compact
from harness.engines.qwen3.sampler import CompactSampler
from tests.harness.engines.policies import EOS, PAD, decode, qwen3, random_samples


@pytest.fixture
def nan_in_new_memory() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert torch.empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("even", [True, False], ids=["of one length", "ragged"])
@pytest.mark.parametrize("prompts", [1, 6])
def test_gradients_are_finite(prompts: int, even: bool, nan_in_new_memory: None) -> None:
    model, samples = qwen3(), random_samples(prompts=prompts, group_size=4)
    if even:  # one prompt with responses of one length needs no padding, and nothing writes the blank row
        samples = replace(samples, response_mask=torch.ones_like(samples.response_mask))
    scores = score_samples_compact(model, samples, 1.0, entropy_grad=True)
    (scores.log_probs.sum() + scores.entropy.sum()).backward()
    assert scores.log_probs.isfinite().all()
    assert all(weight.grad.isfinite().all() for weight in model.parameters())


def test_samples_are_finite(nan_in_new_memory: None) -> None:
    samples = CompactSampler(qwen3(), (EOS,), PAD, decode).sample([[2, 3], [4, 5, 6]], Decoding(6, 10), 0)
    assert samples.log_probs.isfinite().all()
