"""A sampler whose answers are known beforehand, and tasks for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from harness.data.catalog import Problem
from harness.engines.base.protocols import Decoding, Samples
from harness.rollouts.generate import Task

MIXED, WRONG, RIGHT = range(3)  # prompts by how their groups are answered


def task(kind: int, number: int = 0) -> Task:
    """A problem whose group will be answered in the given way. Its answer is 1."""
    return Task(Problem(f"{kind}:{number}", "", "1"), (kind, number))


class Scripted:
    """Answers 1 where right, 0 where wrong; a mixed group has one right answer, the first."""

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.asked: list[list[int]] = []  # the numbers of the prompts of each call

    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int) -> Samples:
        self.seeds.append(seed)
        self.asked.append([number for _, number in prompts])
        size = decoding.group_size
        right = [kind == RIGHT or (kind == MIXED and place == 0) for kind, _ in prompts for place in range(size)]
        ids = torch.tensor([[number] for _, number in prompts]).repeat_interleave(size, dim=0)
        return Samples(
            torch.tensor([list(prompt) for prompt in prompts]),
            torch.ones(len(prompts), 2, dtype=torch.bool),
            torch.arange(len(prompts)).repeat_interleave(size),
            ids,
            torch.ones_like(ids, dtype=torch.bool),
            torch.zeros(len(ids), dtype=torch.bool),
            torch.zeros(ids.shape),
            tuple(rf"\boxed{{{int(one)}}}" for one in right),
        )

    def update_weights(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        list(weights)
