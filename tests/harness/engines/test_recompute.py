from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch

from harness.engines.base.protocols import Decoding
from harness.engines.qwen3.forward import score_samples_compact
from harness.engines.torch.hf_sampler import HfSampler
from harness.engines.torch.hf_scores import score_samples_hf
from harness.engines.torch.low_memory import checkpoint_layers, find_checkpointable_layers
from tests.harness.engines.learners import learner, step
from tests.harness.engines.policies import EOS, PAD, decode, llama, qwen3, random_samples

SCORERS = {"compact": (score_samples_compact, qwen3), "hf": (score_samples_hf, llama)}
both = pytest.mark.parametrize(("scorer", "policy"), SCORERS.values(), ids=SCORERS)


@both
def test_gradients_are_bit_identical_with_layers_computed_again(scorer: Any, policy: Any) -> None:
    samples, found = random_samples(prompts=6, group_size=4), []
    for recompute in (False, True):
        model = policy()
        scores = scorer(model, samples, 0.8, entropy_grad=True, recompute=recompute)
        (scores.log_probs.sum() + scores.entropy.square().sum()).backward()
        found.append([scores.log_probs, *(weight.grad for weight in model.parameters())])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@both
def test_fewer_numbers_are_kept_for_the_backward_pass(scorer: Any, policy: Any) -> None:
    model, samples, kept = policy(num_hidden_layers=8), random_samples(prompts=6, group_size=4), []
    for recompute in (False, True):
        saved: dict[int, int] = {}

        def note(tensor: Any, saved: dict[int, int] = saved) -> Any:
            saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            scores = scorer(model, samples, 1.0, recompute=recompute)
        weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
        kept.append(sum(size for place, size in saved.items() if place not in weights))
        del scores
    assert kept[1] < kept[0] / 2


@both
def test_a_step_learns_the_same_with_layers_computed_again(scorer: Any, policy: Any) -> None:
    samples, weights = random_samples(), []
    for recompute in (False, True):
        model = policy()
        one = learner(model, partial(scorer, recompute=recompute), updates_per_rollout=2)
        assert step(one, samples)["update/ratio_max"] > 1
        weights.append([weight.detach().clone() for weight in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*weights, strict=True))


def test_layers_are_left_as_they_were_and_sampling_never_sees_it() -> None:
    model = llama()
    usual = HfSampler(model, (EOS,), PAD, decode).sample([[2, 3]], Decoding(4, 10), 0)
    score_samples_hf(model, random_samples(), 1.0, recompute=True).log_probs.sum().backward()
    assert len(find_checkpointable_layers(model)) == 2
    assert not any("forward" in vars(layer) for layer in model.modules())
    again = HfSampler(model, (EOS,), PAD, decode).sample([[2, 3]], Decoding(4, 10), 0)
    assert torch.equal(usual.response_ids, again.response_ids)
    assert torch.equal(usual.log_probs, again.log_probs)


def test_an_error_within_leaves_no_layer_changed() -> None:
    model, samples = llama(), random_samples()
    foreign = replace(samples, response_ids=samples.response_ids + 99)
    with pytest.raises(IndexError):
        score_samples_hf(model, foreign, 1.0, recompute=True)
    assert not any("forward" in vars(layer) for layer in model.modules())


def test_nothing_is_computed_again_without_a_gradient() -> None:
    model = llama()
    with torch.no_grad(), checkpoint_layers(model, wanted=True):
        assert not any("forward" in vars(layer) for layer in find_checkpointable_layers(model))
