"""The training loop, start to end. It yields reports; logging and stopping are the caller's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from harness.metrics import mismatch, summarize
from harness.problems.problem import Problem
from harness.reward import is_right
from harness.seeding import derive
from harness.stopwatch import Stopwatch
from tricks.batch import Rollouts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from harness.config import RewardConfig
    from harness.engines.protocols import Decoding, Learner, Sampler, Samples
    from tricks.rule import UpdateRule


@dataclass(frozen=True, slots=True)
class Task:
    """A problem and its prompt in tokens."""

    problem: Problem
    prompt_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StepReport:
    """The metrics of a step. Step 0 is the evaluation before training."""

    step: int
    metrics: dict[str, float]


def train(
    sampler: Sampler,
    learner: Learner,
    rule: UpdateRule,
    scale: RewardConfig,
    batches: Iterator[Sequence[Task]],
    decoding: Decoding,
    seed: int,
) -> Iterator[StepReport]:
    """One step per batch: sample, verify, score, update, hand over the weights."""
    for step, tasks in enumerate(batches, start=1):
        watch = Stopwatch()
        with watch.phase("step"):
            with watch.phase("rollout"):
                samples = sampler.sample([task.prompt_ids for task in tasks], decoding, derive(seed, "rollout", step))
            with watch.phase("reward"):
                right = verify(samples, tasks)
            with watch.phase("old_log_probs"):
                old_log_probs = learner.log_probs(samples)
            rollouts = _rollouts(samples, old_log_probs, right, scale)
            signal = rule.signal(rollouts)
            with watch.phase("update"):
                losses = learner.update(samples, old_log_probs, signal, rule)
            with watch.phase("sync"):
                sampler.load(learner.weights())
        summary = summarize(rollouts, right, signal) | mismatch(samples.log_probs, old_log_probs, samples.response_mask)
        yield StepReport(step, {**summary, **losses, **watch.seconds, **_throughput(samples, watch)})


def verify(samples: Samples, tasks: Sequence[Task]) -> Tensor:
    """Which responses (B,) are right."""
    pairs = zip(samples.texts, samples.group.tolist(), strict=True)
    return torch.tensor([is_right(text, tasks[index].problem.answer) for text, index in pairs])


def _rollouts(samples: Samples, old_log_probs: Tensor, right: Tensor, scale: RewardConfig) -> Rollouts:
    rewards = torch.where(right, scale.correct, scale.wrong).float()
    return Rollouts(old_log_probs, samples.response_mask, rewards, samples.group, samples.truncated)


def _throughput(samples: Samples, watch: Stopwatch) -> dict[str, float]:
    return {"tokens_per_second": samples.response_mask.sum().item() / watch.seconds["seconds/step"]}
