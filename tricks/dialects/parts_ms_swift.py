"""Parts that only ms-swift computes: its leave-one-out, geometric weights, a window's mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tricks.aggregation import TokenMean
from tricks.dialects.parts_rounding import rounded_means
from tricks.importance import TruncatedImportance
from tricks.normalization import Normalize
from tricks.regularization import KlLoss
from tricks.statistics import renumber_groups
from tricks.tensors import torch

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.batch import Rollouts, Signal


@dataclass(frozen=True, slots=True)
class ScaledLeaveOneOut(Normalize):
    r"""Leave-one-out as the difference of two scaled numbers in the precision of the rewards.

    .. math:: A_i = \frac{r_i K / (K - 1) - \bar r K / (K - 1)}{\sigma + \epsilon}

    Equal rewards leave the rounding error of the two products, which a standard deviation of 0 divides by epsilon.
    """

    stable_name: ClassVar = "norm_scaled_leave_one_out"

    def advantages(self, rewards: Tensor, kept: Tensor, rollouts: Rollouts) -> Tensor:
        """Normalize shaped rewards; a sample alone in its group gets 0.

        Args:
            rewards: shaped rewards (B,)
            kept: not used
            rollouts: the batch

        Returns:
            Advantages (B,).

        """
        index = renumber_groups(rollouts.group)
        sizes = torch.bincount(index)[index].to(rewards.dtype)
        means = rounded_means(rewards, index)
        others = (sizes - 1).clamp(min=1)
        centred = torch.where(sizes > 1, rewards * sizes / others - means * sizes / others, rewards - means)
        if self.std == "none":
            return centred
        spread = self._variance(
            rewards[:, None].double(), torch.ones_like(rewards, dtype=torch.float64)[:, None], index
        )
        return (centred.double() / (spread[:, 0].sqrt() + self.eps)).to(rewards.dtype)


@dataclass(frozen=True, slots=True)
class GeometricImportance(TruncatedImportance):
    r"""Importance weights of a response from the geometric mean of its ratios.

    A truncated weight is that mean. ``outside=drop`` uses the mean as a gate alone: tokens of a response within the
    bound keep their own ratios.
    """

    stable_name: ClassVar = "geometric_importance"

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        """Return the weight of each token's loss (B, T), 1 where learner and sampler agree."""
        assert rollouts.sampler_log_probs is not None  # the rule has checked it
        mask = rollouts.response_mask
        gap = torch.where(mask, rollouts.old_log_probs - rollouts.sampler_log_probs, 0.0).clamp(-20.0, 20.0)
        mean = (gap.sum(dim=1, keepdim=True) / mask.sum(dim=1, keepdim=True).clamp(min=1)).exp()
        if self.outside == "drop":
            return torch.where(mean <= self.cap, gap.exp(), 0.0)
        return mean.clamp(max=self.cap).expand_as(gap)


@dataclass(frozen=True, slots=True)
class WeighedKl(KlLoss):
    """KL loss that the importance weights of the tokens multiply, as they do the surrogate."""

    stable_name: ClassVar = "weighed_kl"

    def token_losses(self, log_probs: Tensor, entropies: Tensor | None, signal: Signal) -> Tensor:
        """Return the weighted KL estimate of each token.

        Args:
            log_probs: log-probs of the current policy (B, T)
            entropies: not used
            signal: the step's signal, with token weights and the log-probs of the reference model

        Returns:
            Losses (B, T) to add to the surrogate.

        """
        found = KlLoss.token_losses(self, log_probs, entropies, signal)
        return found if signal.token_weights is None else found * signal.token_weights


@dataclass(frozen=True, slots=True)
class WindowMean(TokenMean):
    """Token mean over the window of accumulation, divided once more by the number of micro-batches.

    The trainer of transformers divides each micro-batch's loss by the number of accumulation steps, and the tokens of
    the window already are all of the update.
    """

    stable_name: ClassVar = "window_mean"

    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        """Return weights (B, 1) that sum to one over the number of micro-batches."""
        found = TokenMean(scope="update", count=self.count).loss_weights(signal, micro_batch)
        return found / len(torch.unique(micro_batch))
