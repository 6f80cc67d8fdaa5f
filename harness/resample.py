"""Sampling a batch: groups that a trick refuses are drawn anew, from other prompts (arXiv:2503.14476, eq. 11)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import torch

from harness.engines.protocols import Decoding, Sampler
from harness.seeding import derive
from harness.stopwatch import Stopwatch
from harness.tasks import Drawn, score, verify
from harness.verify.boxes import OpenBox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from harness.config import RewardConfig
    from harness.tasks import Task
    from tricks.rule import UpdateRule


@dataclass(frozen=True, slots=True)
class Batch:
    """What a step trains on. ``drawn`` is None where the rule accepts no group at all."""

    drawn: Drawn | None
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Draw:
    """Samples prompts in one step, and verifies the responses."""

    sampler: Sampler
    decoding: Decoding
    seed: int
    step: int
    watch: Stopwatch
    open_box: OpenBox = "wrong"  # what a response earns whose last box is left open

    def __call__(self, tasks: Sequence[Task], *extra_round: int) -> Drawn:
        """Answer the tasks; the seed depends on run, step and extra round."""
        with self.watch.phase("rollout"):
            seed = derive(self.seed, "rollout", self.step, *extra_round)
            samples = self.sampler.sample([task.prompt_ids for task in tasks], self.decoding, seed)
        with self.watch.phase("reward"):
            return Drawn.of(samples, verify(samples, tasks, open_box=self.open_box))

    def accepted(self, drawn: Drawn, rule: UpdateRule, scale: RewardConfig) -> Tensor:
        """Prompts (N,) of which no sample is refused. The sampler's log-probs stand in for the learner's here."""
        samples, limit = drawn.samples, self.decoding.max_response_length
        refused = ~rule.accepted(score(drawn, scale, samples.whole_log_probs, None, limit))
        return torch.bincount(samples.group[refused], minlength=drawn.prompts) == 0


def resample(first: Drawn, draw: Draw, spares: Iterator[Task], rule: UpdateRule, scale: RewardConfig) -> Batch:
    """Replace the groups of ``first`` that the rule refuses by accepted ones, as long as its trick goes on."""
    metrics = {"rollout/accuracy": first.right.float().mean().item()}
    if rule.resampling is None:
        return Batch(first, metrics | _sampled(first))
    trick, pool, accepted = rule.tricks[rule.resampling], first, draw.accepted(first, rule, scale)
    for extra_round in range(1, trick.rounds + 1):
        tasks = list(islice(spares, first.prompts - int(accepted.sum())))
        if not tasks:
            break
        more = draw(tasks, extra_round)
        pool, accepted = pool.join(more), torch.cat((accepted, draw.accepted(more, rule, scale)))
    chosen = _chosen(accepted[: first.prompts], accepted[first.prompts :], short=trick.at_cap == "short")
    metrics[f"fired/{rule.resampling}"] = 1 - (chosen < first.prompts).sum().item() / first.prompts
    return Batch(pool.pick(chosen) if len(chosen) else None, metrics | _sampled(pool))


def _sampled(drawn: Drawn) -> dict[str, float]:
    return {
        "rollout/prompts": float(drawn.prompts),
        "rollout/tokens": float(drawn.samples.response_mask.sum()),
        "verifier/undecided": drawn.undecided.float().mean().item(),
    }


def _chosen(accepted: Tensor, extra: Tensor, *, short: bool) -> Tensor:
    """Prompts of the pool to train on: accepted extra ones take the places of the last refused ones."""
    chosen, extras = torch.arange(len(accepted)), extra.nonzero()[:, 0] + len(accepted)
    left, replaced = (~accepted).nonzero()[:, 0].tensor_split([int((~accepted).sum()) - len(extras)])
    chosen[replaced] = extras
    if not short:
        return chosen
    chosen[left] = -1
    return chosen[chosen >= 0]
