"""A learner that was saved and restored goes on as the one that was not, to the last bit."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.engines.base.optimizer_state import load_tensors, save_tensors
from harness.engines.torch.hf_scores import score_samples_hf
from harness.engines.torch.learner import AdamW, TorchLearner
from tests.harness.engines.learners import learner, optim, step
from tests.harness.engines.policies import llama, qwen3, random_samples

SETTINGS = {"lr": 1e-2, "updates_per_rollout": 2, "warmup_steps": 6, "weight_decay": 0.1}


def new(model: Any) -> TorchLearner:
    return learner(deepcopy(model), score_samples_hf, **SETTINGS)


def weights(chosen: TorchLearner) -> dict[str, Tensor]:
    return {name: weight.clone() for name, weight in chosen.weights()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("before", [0, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("family", [qwen3, llama])
def test_a_restored_learner_goes_on_alike(family: Any, dtype: torch.dtype, before: int, tmp_path: Path) -> None:
    model, batches = family().to(dtype), [random_samples(seed=seed) for seed in range(4)]
    whole, cut = new(model), new(model)
    for samples in batches[:before]:
        step(whole, samples)
    whole.save(tmp_path)
    cut.restore(tmp_path)
    assert same(weights(cut), weights(whole))
    after = [[step(one, samples) for samples in batches[before:]] for one in (cut, whole)]
    assert after[0] == after[1]
    assert same(weights(cut), weights(whole))
    assert torch.equal(cut.clipped_tokens().counts, whole.clipped_tokens().counts)
    assert not same(weights(cut), {name: weight.detach() for name, weight in model.named_parameters()})


def test_a_learner_without_its_optimizer_would_go_on_otherwise(tmp_path: Path) -> None:
    model, batches = qwen3(), [random_samples(seed=seed) for seed in range(3)]
    whole, cut = new(model), new(model)
    for samples in batches[:2]:
        step(whole, samples)
    whole.save(tmp_path)
    (tmp_path / "fresh").mkdir()
    new(model).save(tmp_path / "fresh")
    (tmp_path / "fresh" / "optimizer.safetensors").replace(tmp_path / "optimizer.safetensors")
    cut.restore(tmp_path)
    for one in (cut, whole):
        step(one, batches[2])
    assert not same(weights(cut), weights(whole))


def test_float32_copies_keep_what_bfloat16_rounds_away(tmp_path: Path) -> None:
    one = new(qwen3().to(torch.bfloat16))
    step(one, random_samples())
    one.save(tmp_path)
    stored, kept = load_tensors(tmp_path / "optimizer.safetensors"), load_tensors(tmp_path / "weights.safetensors")
    copies = {name: stored[f"master/{name}"] for name in kept}
    assert all(torch.equal(copies[name].bfloat16(), kept[name]) for name in kept)
    assert any(not torch.equal(copies[name], kept[name].float()) for name in kept)


def test_files_are_safetensors_and_json_alone(tmp_path: Path) -> None:
    new(qwen3()).save(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".json"}


def test_a_parameter_that_was_never_trained_has_no_state(tmp_path: Path) -> None:
    def made() -> tuple[list[Tensor], AdamW]:
        parameters = [torch.ones(3, requires_grad=True), torch.ones(2, requires_grad=True)]
        return parameters, AdamW(parameters, optim())

    (first, _), optimizer = made()
    first.grad = torch.arange(3.0)
    optimizer.step(1e-3)
    save_tensors(optimizer.tensors(["a/b", "c"]), tmp_path / "file")
    _, other = made()
    other.restore(["a/b", "c"], load_tensors(tmp_path / "file"))
    assert set(load_tensors(tmp_path / "file")) == {"step/a/b", "exp_avg/a/b", "exp_avg_sq/a/b"}
    assert same(other.tensors(["a/b", "c"]), optimizer.tensors(["a/b", "c"]))


def test_steps_are_those_of_torch_bit_for_bit() -> None:
    settings = optim(weight_decay=0.1)
    ours, theirs = ([torch.ones(5, 3, requires_grad=True), torch.ones(7, requires_grad=True)] for _ in range(2))
    one = AdamW(ours, settings)
    other = torch.optim.AdamW(theirs, betas=settings.betas, weight_decay=0.1, fused=True)
    for number in range(5):
        torch.manual_seed(number)
        for mine, its in zip(ours, theirs, strict=True):
            mine.grad = torch.randn(mine.shape)
            its.grad = mine.grad.clone()
        other.param_groups[0]["lr"] = 1e-2 * (number + 1)
        one.step(1e-2 * (number + 1))
        other.step()
    assert all(torch.equal(mine, its) for mine, its in zip(ours, theirs, strict=True))
    assert all(mine.grad is None for mine in ours)
