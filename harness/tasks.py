"""What the policy is asked, what it answers, and how that is scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from harness.engines.protocols import Samples
from harness.engines.regroup import join, pick
from harness.problems.problem import Problem
from harness.reward import is_formatted, is_right
from tricks.batch import Rollouts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.config import RewardConfig


@dataclass(frozen=True, slots=True)
class Task:
    """A problem and its prompt in tokens."""

    problem: Problem
    prompt_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Verified samples of whole groups."""

    samples: Samples
    right: Tensor  # (B,) bool

    @property
    def prompts(self) -> int:
        """Number of groups."""
        return len(self.samples.prompt_ids)

    def join(self, other: Drawn) -> Drawn:
        """These groups and then the other ones."""
        return Drawn(join([self.samples, other.samples]), torch.cat((self.right, other.right)))

    def pick(self, prompts: Tensor) -> Drawn:
        """The groups of the given prompts (n,), in that order."""
        samples, rows = pick(self.samples, prompts)
        return Drawn(samples, self.right[rows])


def verify(samples: Samples, tasks: Sequence[Task]) -> Tensor:
    """Which responses (B,) are right."""
    pairs = zip(samples.texts, samples.group.tolist(), strict=True)
    return torch.tensor([is_right(text, tasks[index].problem.answer) for text, index in pairs])


def score(
    drawn: Drawn, scale: RewardConfig, old_log_probs: Tensor, ref_log_probs: Tensor | None, limit: int
) -> Rollouts:
    """Verified samples as the tricks see them. ``limit`` is the longest response in tokens that was allowed."""
    samples = drawn.samples
    return Rollouts(
        old_log_probs=old_log_probs,
        response_mask=samples.response_mask,
        rewards=torch.where(drawn.right, scale.correct, scale.wrong).float(),
        group=samples.group,
        truncated=samples.truncated,
        sampler_log_probs=samples.log_probs,
        ref_log_probs=ref_log_probs,
        ended=~samples.truncated,  # a sampler stops at EOS or at the limit; at the limit, an EOS still ends a response
        formatted=torch.tensor([is_formatted(text) for text in samples.texts]),
        max_response_length=limit,
    )
