"""Parts that only SkyRL computes: terms with a mean of their own, a padded whitening, filters of live samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tricks.aggregation import SequenceMean, TokenMean
from tricks.filtering import ZeroVarianceFilter
from tricks.normalization import Whiten
from tricks.regularization import EntropyBonus, KlLoss
from tricks.statistics import renumber_groups, segment_sum
from tricks.surrogates import SequenceClip
from tricks.tensors import torch

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.batch import Rollouts, Signal


@dataclass(frozen=True, slots=True)
class SequenceMeanKl(KlLoss):
    """KL loss averaged over the tokens of each response and then over responses, whatever the aggregation."""

    stable_name: ClassVar = "sequence_mean_kl"
    aggregation: ClassVar = SequenceMean(count="all")


@dataclass(frozen=True, slots=True)
class MicroBatchEntropy(EntropyBonus):
    """Entropy bonus averaged over the tokens of each micro-batch, whatever the aggregation."""

    stable_name: ClassVar = "micro_batch_entropy"
    aggregation: ClassVar = TokenMean(scope="micro_batch")


@dataclass(frozen=True, slots=True)
class CappedSequenceClip(SequenceClip):
    """GSPO whose log-ratio has a bound above alone."""

    stable_name: ClassVar = "capped_sequence_clip"

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Return the loss (B, T), with the gradient of each token's own log-prob."""
        mean = self._mean(log_ratio, signal).detach() + (log_ratio - log_ratio.detach())
        ratio = mean.clamp(max=self.log_ratio_bound).exp()
        clipped = ratio.clamp(1 - self.clip_ratio_low, 1 + self.clip_ratio_high)
        return -torch.minimum(ratio * signal.advantages, clipped * signal.advantages)


@dataclass(frozen=True, slots=True)
class PromptMeanOfAll(TokenMean):
    """Token mean of each prompt and then the mean over all prompts, also those without a kept token."""

    stable_name: ClassVar = "prompt_mean_of_all"

    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        """Return weights (B, 1) that sum to the share of prompts with a kept token."""
        lengths = signal.response_mask.sum(dim=1, keepdim=True).double()
        index = renumber_groups(signal.group)
        tokens = segment_sum(lengths, index).clamp(min=1)
        prompts = int(index.max()) + 1
        weights = torch.where(lengths > 0, 1 / (prompts * tokens), 0.0)
        return weights.to(signal.old_log_probs.dtype)


@dataclass(frozen=True, slots=True)
class PaddedWhiten(Whiten):
    r"""Whitening whose mean counts padding as zeros (``advantage_batch_normalize``).

    .. math:: (A - m) / \sqrt{\max(\sum_t (A_t - m)^2 / n,\ \epsilon)}, \quad m = \sum_t A_t / (B\,T)

    T is the longest response of the batch. The sum of squares and n are over sampled tokens.
    """

    stable_name: ClassVar = "padded_whiten"

    def whiten(self, advantages: Tensor, response_mask: Tensor, rollouts: Rollouts) -> Tensor:
        """Return whitened advantages.

        Args:
            advantages: (B, 1) or (B, T)
            response_mask: not used
            rollouts: the batch

        Returns:
            Advantages in the given shape.

        """
        lengths = rollouts.response_mask.sum(dim=1, keepdim=True)
        counts = lengths if advantages.shape[1] == 1 else rollouts.response_mask.long()
        values, weights = advantages.double(), counts.double()
        places = len(lengths) * int(lengths.max().clamp(min=1))
        centred = values - (values * weights).sum() / places
        variance = (centred.square() * weights).sum() / weights.sum().clamp(min=1)
        return (centred / variance.clamp(min=self.eps).sqrt()).to(advantages.dtype)


@dataclass(frozen=True, slots=True)
class LiveVarianceFilter(ZeroVarianceFilter):
    """Filter of groups in which at least two samples with a token have rewards that are all equal."""

    stable_name: ClassVar = "live_variance_filter"

    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        """Return False (B,) for samples of groups whose live rewards do not differ."""
        index, live = renumber_groups(rollouts.group), self._live(rollouts)
        size = int(index.max()) + 1
        highest = rollouts.rewards.new_full((size,), -torch.inf)
        lowest = rollouts.rewards.new_full((size,), torch.inf)
        highest.scatter_reduce_(0, index[live], rollouts.rewards[live], "amax")
        lowest.scatter_reduce_(0, index[live], rollouts.rewards[live], "amin")
        several = torch.bincount(index[live], minlength=size) > 1
        return ~(several & (highest - lowest <= self.tolerance))[index]

    def _live(self, rollouts: Rollouts) -> Tensor:
        return rollouts.response_mask.any(dim=1)


@dataclass(frozen=True, slots=True)
class EndedVarianceFilter(LiveVarianceFilter):
    """The same beside an overlong filter, which runs first: truncated samples do not make rewards differ."""

    stable_name: ClassVar = "ended_variance_filter"

    def _live(self, rollouts: Rollouts) -> Tensor:
        return rollouts.response_mask.any(dim=1) & ~rollouts.truncated


@dataclass(frozen=True, slots=True)
class RoundedVarianceFilter(ZeroVarianceFilter):
    """Filter of groups whose float64 standard deviation is exactly 0; a sample alone stays.

    The mean of equal rewards may be rounded. Their standard deviation is then about 1e-17, and the group stays.
    """

    stable_name: ClassVar = "rounded_variance_filter"

    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        """Return True (B,) for samples of groups whose standard deviation is above 0."""
        rewards, index = rollouts.rewards.double(), renumber_groups(rollouts.group)
        kept = torch.ones_like(rollouts.truncated)
        for group in range(int(index.max()) + 1):
            rows = (index == group).nonzero().flatten()
            values = rewards[rows]
            alone = len(rows) == 1
            kept[rows] = alone or bool(((values - _pairwise(values) / len(rows)) != 0).any())
        return kept


def _pairwise(values: Tensor) -> float:
    """Return the sum of up to 128 numbers in the order in which NumPy adds them."""
    numbers: list[float] = values.tolist()
    if len(numbers) < 8:
        return sum(numbers[1:], numbers[0])
    if len(numbers) > 128:
        half = len(numbers) // 2 - len(numbers) // 2 % 8
        return _pairwise(values[:half]) + _pairwise(values[half:])
    lanes = numbers[:8]
    whole = len(numbers) - len(numbers) % 8
    for place in range(8, whole):
        lanes[place % 8] += numbers[place]
    total = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
    return sum(numbers[whole:], total)
