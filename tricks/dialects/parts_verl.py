"""Parts that verl alone computes: means of micro-batches, its GSPO, its vetoed weights and its whitening.

Up to 0.7.1 the loss of an update is the mean over its micro-batches, each weighed by its rows. Rows without a token are
counted there, and in the means only in some releases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tricks.aggregation import ConstantLength, SequenceMean, SequenceSum, TokenMean
from tricks.api import TrickError
from tricks.importance import TruncatedImportance
from tricks.normalization import Whiten
from tricks.statistics import renumber_groups, segment_sum
from tricks.surrogates import SequenceClip
from tricks.tensors import torch

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.batch import Rollouts, Signal

_OUT = "the gradient is NaN; leave it out of the batch, or emulate the newest release"


def _lengths(signal: Signal) -> Tensor:
    """Return the tokens of each response (B, 1), float64."""
    return signal.response_mask.sum(dim=1, keepdim=True).double()


def _micro_weights(signal: Signal, micro_batch: Tensor, terms: Tensor, strict: bool = False) -> Tensor:
    """Return weights (B, 1): each micro-batch divides by the sum of its terms and counts by its rows.

    Args:
        signal: The signal of the update.
        micro_batch: The micro-batch of each sample (B,).
        terms: What each sample adds to the denominator of its micro-batch (B, 1).
        strict: Whether a micro-batch without terms makes the gradient NaN; otherwise it adds 0.

    Returns:
        Weights for summed token losses, 0 for responses without a token.

    Raises:
        TrickError: The framework divides 0 by 0.

    """
    index, lengths = renumber_groups(micro_batch), _lengths(signal)
    total = segment_sum(terms, index)
    if strict and bool((total == 0).any()) and bool((lengths > 0).any()):
        number = int(micro_batch[int((total == 0).nonzero()[0, 0])])
        raise TrickError(f"micro-batch {number} has no token: verl divides 0 by 0 for it there, and {_OUT}")
    share = torch.bincount(index)[index][:, None] / len(index)
    return torch.where(lengths > 0, share / total.clamp(min=1), 0.0)


def _rows(signal: Signal) -> Tensor:
    """Return 1 for each response with a token (B, 1)."""
    return (_lengths(signal) > 0).double()


@dataclass(frozen=True, slots=True)
class MicroTokenMean(TokenMean):
    """Token mean of each micro-batch, weighed by its rows."""

    stable_name: ClassVar = "micro_token_mean"
    strict: ClassVar = False

    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        """Return weights (B, 1)."""
        weights = _micro_weights(signal, micro_batch, _lengths(signal), self.strict)
        return weights.to(signal.old_log_probs.dtype)


@dataclass(frozen=True, slots=True)
class StrictMicroTokenMean(MicroTokenMean):
    """The same where a micro-batch without a token makes the gradient NaN."""

    stable_name: ClassVar = "strict_micro_token_mean"
    strict: ClassVar = True


@dataclass(frozen=True, slots=True)
class MicroSequenceMean(SequenceMean):
    """Sequence mean of each micro-batch over responses with a token, weighed by its rows."""

    stable_name: ClassVar = "micro_sequence_mean"

    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        """Return weights (B, 1)."""
        weights = _micro_weights(signal, micro_batch, _rows(signal)) / _lengths(signal).clamp(min=1)
        return weights.to(signal.old_log_probs.dtype)


@dataclass(frozen=True, slots=True)
class FullSequenceMean(SequenceMean):
    """Sequence mean that divides by the length of every response, also where it is 0."""

    stable_name: ClassVar = "full_sequence_mean"

    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        """Return weights (B, 1). Raises TrickError where a response has no token, as the loss is NaN."""
        empty = (_lengths(signal) == 0)[:, 0].nonzero().flatten().tolist()
        if empty and len(empty) < len(signal.group):
            raise TrickError(f"sample {empty[0]} has no token: verl divides 0 by 0 for it there, and {_OUT}")
        return SequenceMean.loss_weights(self, signal, micro_batch)


@dataclass(frozen=True, slots=True)
class MicroSequenceSum(SequenceSum):
    """Mean of the summed losses of the responses with a token in each micro-batch, weighed by its rows."""

    stable_name: ClassVar = "micro_sequence_sum"

    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        """Return weights (B, 1)."""
        weights = _micro_weights(signal, micro_batch, _rows(signal))
        return weights.to(signal.old_log_probs.dtype)


@dataclass(frozen=True, slots=True)
class MicroConstantLength(ConstantLength):
    """Summed losses of each micro-batch over the padded width, weighed by its rows.

    ``per_response`` also divides by the responses with a token in the micro-batch, as 0.7.1 does.
    """

    stable_name: ClassVar = "micro_constant_length"

    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        """Return weights (B, 1), equal for the responses of a micro-batch."""
        if self.per_response:
            weights = _micro_weights(signal, micro_batch, _rows(signal))
        else:
            index = renumber_groups(micro_batch)
            share = torch.bincount(index)[index][:, None] / len(index)
            weights = torch.where(_lengths(signal) > 0, share, 0.0).double()
        return (weights / self._tokens(signal)).to(signal.old_log_probs.dtype)


@dataclass(frozen=True, slots=True)
class GspoToken(SequenceClip):
    """GSPO-token: the value of the response's ratio, the gradient of the token's; bounded above alone."""

    stable_name: ClassVar = "gspo_token"

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Return the loss (B, T), equal on all tokens of a response unless advantages differ."""
        mean = self._mean(log_ratio, signal).detach() + (log_ratio - log_ratio.detach())
        ratio = mean.clamp(max=self.log_ratio_bound).exp()
        clipped = ratio.clamp(1 - self.clip_ratio_low, 1 + self.clip_ratio_high)
        return -torch.minimum(ratio * signal.advantages, clipped * signal.advantages)


@dataclass(frozen=True, slots=True)
class VetoedImportance(TruncatedImportance):
    """Truncated importance sampling that drops a response with one token far less likely in the trainer.

    The veto of 0.6.0 is on by default: a token whose ratio is below 1e-4 gives all tokens of its response weight 0.
    """

    stable_name: ClassVar = "vetoed_importance"
    veto: ClassVar = 1e-4

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        """Return the weight of each token's loss (B, T)."""
        assert rollouts.sampler_log_probs is not None  # the rule has checked it
        gap = rollouts.old_log_probs - rollouts.sampler_log_probs
        least = torch.tensor(self.veto, dtype=gap.dtype).log()
        vetoed = ((gap < least) & rollouts.response_mask).any(dim=1, keepdim=True)
        return TruncatedImportance.token_weights(self, rollouts).masked_fill(vetoed, 0.0)


@dataclass(frozen=True, slots=True)
class GappedWhiten(Whiten):
    """Whitening of returns that are lost before a gap in the mask, such as the output of a tool.

    Up to 0.8.0 the sum from the end starts anew at every masked token, so that tokens before it get neither the reward
    nor the KL of later tokens.
    """

    stable_name: ClassVar = "gapped_whiten"

    def shape_advantages(self, rollouts: Rollouts) -> Tensor:
        """Return zeros (B, T): advantages differ within a response that has a gap."""
        return torch.zeros_like(rollouts.old_log_probs)

    def whiten(self, advantages: Tensor, response_mask: Tensor, rollouts: Rollouts) -> Tensor:
        """Return whitened advantages (B, T)."""
        mask = rollouts.response_mask
        later = _start_of_next_segment(mask)
        if bool((later >= 0).any()):
            returns = advantages.expand(mask.shape)
            lost = torch.where(later >= 0, returns.gather(1, later.clamp(min=0)), 0.0)
            advantages = returns - lost
        return Whiten.whiten(self, advantages, response_mask, rollouts)


def _start_of_next_segment(mask: Tensor) -> Tensor:
    """Return for each token (B, T) where the next run of tokens begins after a gap, -1 where none does."""
    width = mask.shape[1]
    place = torch.arange(width).expand(mask.shape)
    before = torch.nn.functional.pad(mask, (1, 0))[:, :-1]
    starts = torch.where(mask & ~before, place, width)
    following = starts.flip(1).cummin(dim=1).values.flip(1)  # the first start at or after each place
    after = torch.nn.functional.pad(following, (0, 1), value=width)[:, 1:]
    return torch.where(after < width, after, -1)
