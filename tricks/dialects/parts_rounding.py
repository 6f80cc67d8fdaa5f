"""Normalization with the rounding errors of float32 means, as the frameworks' own sums leave them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tricks.normalization import Normalize
from tricks.statistics import renumber_groups
from tricks.tensors import torch

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.batch import Rollouts


@dataclass(frozen=True, slots=True)
class NormalizeAboutRoundedMean(Normalize):
    r"""Group norm with mean and variance in the precision of the rewards (SkyRL, gdpo in ms-swift).

    The variance is about the rounded mean. Equal rewards whose mean is rounded therefore have a standard deviation as
    small as their distance from it: with a tiny epsilon their advantage is far from 0.
    """

    stable_name: ClassVar = "norm_about_rounded_mean"

    def advantages(self, rewards: Tensor, kept: Tensor, rollouts: Rollouts) -> Tensor:
        """Normalize shaped rewards by group; a sample alone has mean 0 and standard deviation 1, or gets 0.

        Args:
            rewards: shaped rewards (B,)
            kept: not used
            rollouts: the batch

        Returns:
            Advantages (B,).

        """
        index = renumber_groups(rollouts.group)
        sizes = torch.bincount(index)[index].to(rewards.dtype)
        centred = rewards - rounded_means(rewards, index)
        spread = (rounded_means(centred.square(), index) * (sizes / (sizes - 1).clamp(min=1))).sqrt()
        alone = rewards / (1 + self.eps) if self.single == "raw" else torch.zeros_like(rewards)
        return torch.where(sizes > 1, centred / (spread + self.eps), alone)


def rounded_means(values: Tensor, index: Tensor) -> Tensor:
    """Return the mean of each sample's group (B,), summed by torch in the precision of the values.

    Args:
        values: (B,)
        index: group of each sample (B,), numbered from 0

    Returns:
        Means (B,). The order of a group's samples may change the last bit, as it does in the frameworks.

    """
    order = torch.argsort(index, stable=True)
    sizes = torch.bincount(index)
    means = torch.stack([part.mean() for part in torch.split(values[order], sizes.tolist())])
    return means[index]
