"""Parts that prime-rl computes in its own way: filters by the advantage in place of the reward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tricks.filtering import DynamicSampling, ZeroVarianceFilter
from tricks.normalization import Normalize
from tricks.statistics import renumber_groups
from tricks.tensors import torch

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.batch import Rollouts


@dataclass(frozen=True, slots=True)
class ZeroAdvantageFilter(ZeroVarianceFilter):
    """Filter out each response whose advantage, reward less group mean in float32, is exactly 0.

    A response whose reward equals the mean of its group is filtered out too. A group of equal rewards stays in where
    rounding keeps its mean from its rewards, as with eight rewards of 0.1.
    """

    stable_name: ClassVar = "zero_advantage_filter"

    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        """Return True (B,) for samples whose advantage is not 0."""
        return _advantages(rollouts) != 0


@dataclass(frozen=True, slots=True)
class AdvantageGate(DynamicSampling):
    """Dynamic sampling that resamples the groups whose advantages are all exactly 0 in float32."""

    stable_name: ClassVar = "advantage_gate"

    def accept_groups(self, rollouts: Rollouts) -> Tensor:
        """Return True (B,) for samples of groups in which an advantage is not 0."""
        index = renumber_groups(rollouts.group)
        signals = torch.zeros(int(index.max()) + 1).index_add_(0, index, (_advantages(rollouts) != 0).float())
        return signals[index] > 0


def _advantages(rollouts: Rollouts) -> Tensor:
    """Return the rewards less their group's mean (B,), in float32."""
    everyone = torch.ones_like(rollouts.truncated)
    return Normalize(mean="group", std="none", precision="single").advantages(
        rollouts.rewards.float(), everyone, rollouts
    )
