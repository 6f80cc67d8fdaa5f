"""From rewards to advantages: what to subtract, what to divide by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from tricks.batch import group_mean, group_std

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Rollouts, Setup

Scope = Literal["group", "batch", "none"]


@dataclass(frozen=True, slots=True)
class Normalize:
    r"""Advantage :math:`A_i = (r_i - \mu) / (\sigma + \epsilon)` (arXiv:2508.08221, eqs. 5-7).

    Mean and deviation range over the sample's group, over the batch, or are left out. The paper
    gives neither epsilon nor ddof; the deviation is that of the raw rewards, with n - 1 and
    epsilon 1e-6, as in ROLL. Filtered samples count in both statistics, also as in ROLL.
    """

    mean: Scope = "none"
    std: Scope = "none"
    eps: float = 1e-6

    def advantages(self, rewards: Tensor, rollouts: Rollouts) -> Tensor:
        """Normalise shaped rewards (B,). Equal rewards give exactly 0 once a mean is subtracted."""
        advantages = rewards
        if self.mean != "none":
            advantages = advantages - group_mean(rewards, _members(self.mean, rollouts.group))
        if self.std != "none":
            advantages = advantages / (group_std(rewards, _members(self.std, rollouts.group)) + self.eps)
        return advantages

    def complaints(self, setup: Setup) -> Iterator[str]:
        """Refuse groups of one: their mean is the reward itself and every advantage would be 0."""
        if "group" in (self.mean, self.std) and setup.group_size < 2:
            yield f"a group needs at least 2 samples, rollout.group_size is {setup.group_size}"


def _members(scope: Scope, group: Tensor) -> Tensor:
    return group if scope == "group" else torch.zeros_like(group)  # the batch is one group
