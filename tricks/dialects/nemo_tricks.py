"""NeMo-RL's own statistics and denominator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from tricks.aggregation import SequenceMean
from tricks.normalization import Normalize
from tricks.statistics import segments

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.batch import Rollouts, Signal


@dataclass(frozen=True, slots=True)
class NormalizeBySquares(Normalize):
    r"""A group's mean and deviation, the deviation as :math:`\sqrt{E[x^2] - E[x]^2}` in float32.

    Where rewards are almost equal, the difference is rounding. Its root may be 0, not a number (taken for 0) or some
    1e-4, by which the advantage is then divided. The framework's sums depend on the linear algebra library. Here they
    are taken one by one, from the least reward on, so that the order of samples does not matter.
    """

    stable_name: ClassVar = "norm_by_squares"

    def advantages(self, rewards: Tensor, kept: Tensor, rollouts: Rollouts) -> Tensor:
        """Normalize shaped rewards (B,) by group; a sample alone in its group gets 0."""
        values, index = rewards.float(), segments(rollouts.group)
        order = torch.argsort(values, stable=True)
        order = order[torch.argsort(index[order], stable=True)]
        group, sizes = index[order], torch.bincount(index)
        place = torch.arange(len(order)) - (sizes.cumsum(0) - sizes)[group]
        grid = values.new_zeros(len(sizes), int(sizes.max()))  # (groups, samples), each row from its least reward on
        grid[group, place] = values[order]
        found = torch.empty_like(rewards)
        found[order] = self._normalized(grid, sizes[:, None])[group, place].to(rewards.dtype)
        return found

    def _normalized(self, grid: Tensor, sizes: Tensor) -> Tensor:
        """Advantages (groups, samples) of rewards in ascending order, rows padded with 0."""
        others = self.mean == "leave_one_out"
        counts = (sizes - int(others)).float()
        mean = _sums(grid, others) / counts
        spread = (
            ((_sums(grid.square(), others) / counts - mean.square()) * (counts / (counts - 1))).sqrt().nan_to_num(0)
        )
        centred = torch.where(sizes > 1, grid - mean, 0.0)
        if self.std == "none":
            return centred
        return torch.where((sizes > 1) & (spread > 0), centred / (spread + self.eps), centred)


@dataclass(frozen=True, slots=True)
class SampleMean(SequenceMean):
    """The sequence mean with responses without any token in the denominator, and filtered ones out of it.

    NeMo-RL counts samples by ``sample_mask``, which the overlong filter clears and an empty response does not.
    """

    stable_name: ClassVar = "sample_mean"

    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        """Weights (B, 1) that sum to the share of responses that have a token."""
        kept = signal.response_mask.any(dim=1, keepdim=True)
        counted = (kept | ~signal.sampled_mask.any(dim=1, keepdim=True)).sum()
        weights = SequenceMean(scope=self.scope, count="kept").loss_weights(signal, micro_batch).double()
        return (weights * kept.sum().double() / counted.clamp(min=1)).to(signal.old_log_probs.dtype)


def _sums(grid: Tensor, others: bool) -> Tensor:
    """Sum of each row, or of the others of each number, taken column by column in the grid's own precision."""
    found = torch.zeros_like(grid)
    own = torch.eye(grid.shape[1], dtype=torch.bool)
    for column in range(grid.shape[1]):
        term = grid[:, column : column + 1].expand_as(grid)
        found = found + (term.masked_fill(own[column], 0.0) if others else term)
    return found
