from __future__ import annotations

import pytest
import torch

from harness.engines.base.protocols import Decoding
from harness.engines.base.remote import ParityError
from harness.engines.torch.hf_sampler import HfSampler
from harness.engines.torch.hf_scores import score_samples_hf
from harness.engines.torch.learner import TorchLearner
from harness.engines.weight_parity import ParityProbe
from tests.harness.engines.policies import EOS, PAD, decode, optim, qwen3

PROMPTS = [[2, 3], [4, 5, 6, 7], [8], [9, 10, 11], [2, 2], [3, 4, 5, 6, 7]]


def learner(seed: int, temperature: float = 0.9) -> TorchLearner:
    return TorchLearner(qwen3(seed), optim(), temperature, score_samples_hf)


def test_the_longest_prompts_are_asked_once_and_nothing_is_cut() -> None:
    probe = ParityProbe.of(PROMPTS, Decoding(8, 64, 0.9, top_p=0.5, top_k=3), seed=1, budget=1e-3)
    assert probe.prompts == ((3, 4, 5, 6, 7), (4, 5, 6, 7), (9, 10, 11), (2, 3))
    assert probe.decoding == Decoding(1, 16, 0.9)
    assert ParityProbe.of(PROMPTS, Decoding(8, 5), seed=1, budget=1e-3).decoding.max_response_length == 5


def test_the_gap_is_that_of_the_response_tokens() -> None:
    samples = HfSampler(qwen3(0), (EOS,), PAD, decode).sample(PROMPTS, Decoding(1, 16, 0.9), seed=0)
    probe = ParityProbe.of(PROMPTS, Decoding(1, 16, 0.9), seed=0, budget=9.0)
    assert probe.compare(samples, learner(0))["parity/gap_max"] < 1e-5
    gaps = (learner(1).log_probs(samples) - samples.log_probs)[samples.response_mask].abs()
    found = probe.compare(samples, learner(1))
    assert found["parity/gap_max"] == pytest.approx(gaps.max().item())
    assert found["parity/gap_mean"] == pytest.approx(gaps.mean().item())


def test_a_gap_above_the_budget_ends_the_run_with_numbers_and_causes() -> None:
    samples = HfSampler(qwen3(0), (EOS,), PAD, decode).sample(PROMPTS, Decoding(1, 16, 0.9), seed=0)
    with pytest.raises(
        ParityError, match=r"differ by [\d.]+ nats on the same tokens, \d+ of \d+ .*parity_gap=0\.001; "
    ):
        ParityProbe.of(PROMPTS, Decoding(1, 16, 0.9), seed=0, budget=1e-3).compare(samples, learner(1))


def test_one_token_beyond_the_budget_is_enough() -> None:
    samples = HfSampler(qwen3(0), (EOS,), PAD, decode).sample(PROMPTS, Decoding(1, 16, 0.9), seed=0)
    samples.log_probs[0, 0] -= 0.5
    with pytest.raises(ParityError, match=rf" 1 of {int(samples.response_mask.sum())} of them by more"):
        ParityProbe.of(PROMPTS, Decoding(1, 16, 0.9), seed=0, budget=0.4).compare(samples, learner(0))


def test_what_is_no_number_is_no_agreement() -> None:
    samples = HfSampler(qwen3(0), (EOS,), PAD, decode).sample(PROMPTS, Decoding(1, 16, 0.9), seed=0)
    samples.log_probs[0, 0] = torch.nan
    with pytest.raises(ParityError, match="nan nats"):
        ParityProbe.of(PROMPTS, Decoding(1, 16, 0.9), seed=0, budget=9.0).compare(samples, learner(0))
