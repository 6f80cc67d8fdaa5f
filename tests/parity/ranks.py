"""Ranks of DeepSpeed for tests, the learner of one process beside them, and samples that both learn from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import ray
import torch

from harness.config.experiment import ExperimentConfig, load_config
from harness.engines.base.protocols import Decoding, Samples
from harness.engines.build import build_sampler
from harness.engines.deepspeed.learner import DeepspeedLearner
from harness.engines.torch.hf_scores import score_samples_hf
from harness.engines.torch.learner import TorchLearner
from harness.models.load import load_model
from tests.harness.engines.learners import rollouts_of
from tests.harness.engines.policies import gradients
from tests.local_ray import imports_from_here
from tests.parity.watched_rank import WatchedRank
from tricks.fired import ablate_each_trick

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from harness.engines.base.protocols import Learner

COUNT = 2
STAGES = (0, 1, 2, 3)
GRPO = ("preset=grpo",)
RULES = {
    "grpo": GRPO,
    "dapo": ("preset=dapo",),
    "liteppo": ("preset=liteppo",),
    "kl": ("preset=grpo", "+tricks.kl_loss={}"),
    "entropy": ("preset=grpo", "+tricks.entropy_bonus={}"),
}


class Pairs:
    """Two ranks that have met. They serve all tests until one breaks them: a start takes ten seconds."""

    def __init__(self) -> None:
        self._whole: list[Any] = []

    def whole(self) -> list[Any]:
        """Two ranks, for a test that leaves them whole."""
        if not self._whole:
            self._whole = _started()
        return self._whole

    def take(self) -> list[Any]:
        """Two ranks, for a test that breaks them."""
        taken, self._whole = self.whole(), []
        return taken


def _started() -> list[Any]:
    kind = ray.remote(WatchedRank).options(num_cpus=0, runtime_env=imports_from_here())
    ranks = [kind.remote(number, COUNT) for number in range(COUNT)]
    meeting = ray.get(ranks[0].address.remote())
    ray.get([rank.start.remote(*meeting) for rank in ranks])
    return ranks


def config(*overrides: str, stage: int = 3) -> ExperimentConfig:
    """Of a run on two ranks whose steps hold two updates."""
    chosen = f"backend.deepspeed.zero_stage={stage}"
    return load_config("model=large_base", "backend=cpu_engines", "optim.updates_per_rollout=2", chosen, *overrides)


def of_one_process(chosen: ExperimentConfig) -> TorchLearner:
    """The learner that all is measured by."""
    assert chosen.backend.deepspeed is not None
    model, _ = load_model(chosen.model.path, getattr(torch, chosen.backend.deepspeed.dtype))
    needs = chosen.update_rule().needs
    return TorchLearner(model, chosen.optim, chosen.rollout.temperature, score_samples_hf, needs)


@cache
def samples(prompts: int = 6, group_size: int = 4, longest: int = 40) -> Samples:
    """Of the model itself, of very different lengths; the last of several is a lone token."""
    chosen = config()
    model, tokenizer = load_model(chosen.model.path, torch.float32)
    ids = [list(range(6, 9 + 3 * number)) for number in range(prompts)]
    drawn = build_sampler(model, tokenizer, chosen).sample(ids, Decoding(group_size, longest), 0)
    mask = drawn.response_mask.clone()
    mask[-1, 1:] &= len(mask) == 1
    return replace(drawn, response_mask=mask)


@dataclass(frozen=True)
class Followed:
    """What a learner did over some steps on the same samples."""

    log_probs: tuple[Tensor, ...]  # at the start of each step
    reference: Tensor | None  # log-probs at the end
    metrics: tuple[Mapping[str, float], ...]
    weights: dict[str, Tensor]


def follow(learner: Learner, chosen: ExperimentConfig, drawn: Samples, steps: int = 1) -> Followed:
    """Let it learn as the loop does."""
    rule, log_probs, metrics, reference = chosen.update_rule(), [], [], None
    for _ in range(steps):
        log_probs.append(learner.log_probs(drawn))
        rollouts = rollouts_of(drawn, log_probs[-1])
        if "ref_log_probs" in rule.needs:
            reference = learner.reference_log_probs(drawn)
            rollouts = replace(rollouts, ref_log_probs=reference)
        metrics.append(learner.update(drawn, rule.signal(rollouts), rule, ablate_each_trick(rule, rollouts)))
    weights = {name: weight.detach().clone() for name, weight in learner.weights()}
    return Followed(tuple(log_probs), reference, tuple(metrics), weights)


@cache
def expected(overrides: Sequence[str], steps: int, prompts: int = 6) -> Followed:
    """The same by one process."""
    chosen = config(*overrides)
    return follow(of_one_process(chosen), chosen, samples(prompts), steps)


@cache
def expected_gradients(overrides: Sequence[str], prompts: int = 6, group_size: int = 4) -> dict[str, Tensor]:
    """Of the first update, by one process."""
    chosen = config("optim.updates_per_rollout=1", *overrides)
    learner = of_one_process(chosen)
    found = gradients(learner._model)
    follow(learner, chosen, samples(prompts, group_size))
    return found


def found_gradients(
    ranks: Sequence[Any], overrides: Sequence[str], stage: int, prompts: int = 6, group_size: int = 4
) -> dict[str, Tensor]:
    """Of the first update, by the ranks; each has to see the same."""
    chosen = config("optim.updates_per_rollout=1", *overrides, stage=stage)
    learner = DeepspeedLearner(ranks, chosen)
    ray.get([rank.watch.remote() for rank in ranks])
    follow(learner, chosen, samples(prompts, group_size))
    return {name: torch.tensor(found) for name, found in ray.get(ranks[0].gradients.remote()).items()}


def gap(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """The largest difference of any number in tensors of the same names."""
    assert list(one) == list(other)
    return max((one[name] - other[name]).abs().max().item() for name in one)
