"""How far sampler and learner are apart, and which part of it is the cut."""

from dataclasses import replace

import pytest
import torch

from harness.engines.base.protocols import Decoding
from harness.engines.base.samples import join_samples, select_prompts, slice_samples
from harness.engines.qwen3.sampler import CompactSampler
from harness.engines.torch.hf_sampler import HfSampler
from harness.rollouts.generate import SampledBatch, VerifiedRollouts
from harness.rollouts.metrics import METRICS, compute_mismatch, split_mismatch
from harness.rollouts.queue import RolloutBatch, load_batch, save_batch
from tests.harness.engines.learners import learner as learner_of
from tests.harness.engines.policies import EOS, PAD, decode, qwen3, random_samples
from tricks.batch import Setup
from tricks.dialects.build import build_rule

MASK = torch.tensor([[True, True, False], [True, True, True]])
SETUP = Setup(group_size=4, prompts_per_batch=4, updates_per_rollout=4, max_response_length=8)


def gaps(values, within=(0.8, 1.2)):
    learner = torch.zeros(2, 3)
    learner[MASK] = torch.tensor(values)
    return compute_mismatch(torch.zeros(2, 3), learner, MASK, within)


def test_engines_that_agree_lose_nothing():
    assert gaps([0.0] * 5) == {
        "mismatch/mean": 0.0,
        "mismatch/max": 0.0,
        "mismatch/beyond": 0.0,
        "mismatch/effective": pytest.approx(1.0),
    }


def test_padding_does_not_count():
    learner = torch.full((2, 3), -50.0)
    learner[MASK] = 0.0
    assert compute_mismatch(torch.zeros(2, 3), learner, MASK, (0.8, 1.2))["mismatch/max"] == 0.0


def test_tokens_beyond_either_bound_are_counted():
    ratios = torch.tensor([0.79, 0.81, 1.0, 1.19, 1.21])
    assert gaps(ratios.log().tolist())["mismatch/beyond"] == pytest.approx(2 / 5)
    assert gaps(ratios.log().tolist(), within=(0.8, 1.3))["mismatch/beyond"] == pytest.approx(1 / 5)


def test_effective_sample_size_by_hand():
    # Weights 1, 1, 1, 1 and 3: (1 + 1 + 1 + 1 + 3)^2 / (5 (1 + 1 + 1 + 1 + 9)) = 49 / 65.
    assert gaps([0.0, 0.0, 0.0, 0.0, float(torch.tensor(3.0).log())])["mismatch/effective"] == pytest.approx(49 / 65)


@pytest.mark.parametrize(("preset", "between"), [("grpo", (0.8, 1.2)), ("dapo", (0.8, 1.28)), ("gspo", (0.8, 1.2))])
def test_the_range_is_that_of_single_tokens(preset, between):
    assert build_rule(preset, {}, "none", SETUP).ratio_range == pytest.approx(between)


def cut_samples(share=0.5):
    """Random samples of which a cut left that share of the mass at every token."""
    samples = random_samples()
    kept = torch.full(samples.log_probs.shape, share).log() * samples.response_mask
    return replace(samples, log_probs=-1.0 * samples.response_mask, log_kept=kept)


def test_a_gap_is_the_cut_and_what_the_engines_differ_by():
    samples = cut_samples(0.5)
    learner = samples.whole_log_probs + 0.125 * samples.response_mask
    found = split_mismatch(samples, learner, (0.8, 1.2))
    log_half = torch.tensor(0.5).log().item()
    assert found["mismatch/cut"] == found["mismatch/cut_max"] == pytest.approx(-log_half)
    assert found["mismatch/engines"] == found["mismatch/engines_max"] == pytest.approx(0.125)
    assert found["mismatch/engines_beyond"] == 0
    assert found["mismatch/engines_effective"] == pytest.approx(1)
    whole = compute_mismatch(samples.log_probs, learner, samples.response_mask, (0.8, 1.2))
    assert whole["mismatch/mean"] == pytest.approx(-log_half - 0.125)
    assert whole["mismatch/beyond"] == 1
    assert set(found) | set(whole) == {name for name in METRICS if name.startswith("mismatch/")}


def test_without_a_cut_all_of_a_gap_is_the_engines():
    samples = random_samples()
    learner = samples.log_probs + 0.3 * samples.response_mask
    found = split_mismatch(samples, learner, (0.8, 1.2))
    assert str(found["mismatch/cut"]) == str(found["mismatch/cut_max"]) == "0.0"
    for name, value in compute_mismatch(samples.log_probs, learner, samples.response_mask, (0.8, 1.2)).items():
        assert found[name.replace("mismatch/", "mismatch/engines_").replace("_mean", "")] == value


def test_a_sampler_that_cannot_tell_gives_no_parts():
    samples = replace(cut_samples(), log_kept=torch.full((12, 9), torch.nan))
    assert split_mismatch(samples, samples.log_probs, (0.8, 1.2)) == {}
    assert torch.equal(samples.whole_log_probs, samples.log_probs)


@pytest.mark.parametrize("kind", [CompactSampler, HfSampler])
@pytest.mark.parametrize(("top_p", "top_k"), [(0.8, 0), (1.0, 4), (0.9, 6)])
def test_equal_engines_differ_by_the_cut_alone(kind, top_p, top_k):
    model = qwen3()
    sampler = kind(model, (EOS,), PAD, decode)
    samples = sampler.sample([[2, 3], [4, 5, 6]], Decoding(8, 12, 1.0, top_p, top_k), seed=0)
    log_probs = learner_of(model).log_probs(samples)
    found = split_mismatch(samples, log_probs, (0.8, 1.2))
    assert found["mismatch/engines_max"] < 1e-5
    assert found["mismatch/cut"] > 0.01
    gap = compute_mismatch(samples.log_probs, log_probs, samples.response_mask, (0.8, 1.2))
    assert gap["mismatch/mean"] == pytest.approx(found["mismatch/cut"], abs=1e-5)
    assert gap["mismatch/max"] == pytest.approx(found["mismatch/cut_max"], abs=1e-5)


class TestWhatACutLeft:
    """Goes wherever its samples go."""

    def test_through_parts_of_a_batch(self):
        samples = cut_samples()
        parts = [select_prompts(samples, torch.tensor(prompts))[0] for prompts in ([0], [1, 2, 3])]
        assert torch.equal(join_samples(parts).log_kept, samples.log_kept)
        assert torch.equal(slice_samples(samples, slice(3, 6)).log_kept, samples.log_kept[3:6])
        picked, rows = select_prompts(samples, torch.tensor([2, 0]))
        width = picked.response_mask.shape[1]
        assert torch.equal(picked.log_kept, samples.log_kept[rows, :width])

    def test_beside_samples_that_nothing_was_cut_of(self):
        joined = join_samples([random_samples(), cut_samples()])
        assert (joined.log_kept[:12] == 0).all()
        assert torch.equal(joined.log_kept[12:], cut_samples().log_kept)
        assert join_samples([random_samples(), random_samples()]).log_kept is None

    @pytest.mark.parametrize("cut", [True, False])
    def test_through_a_checkpoint(self, cut, tmp_path):
        samples = cut_samples() if cut else random_samples()
        words = [torch.zeros(12, dtype=torch.bool) for _ in range(3)]
        save_batch(RolloutBatch(3, SampledBatch(VerifiedRollouts(samples, *words), {}), 1), tmp_path)
        found = load_batch(tmp_path).batch.drawn.samples
        assert (found.log_kept is None) == (not cut)
        assert not cut or torch.equal(found.log_kept, samples.log_kept)
