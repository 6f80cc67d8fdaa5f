"""Parts that only AReaL computes under its decoupled loss: weights of responses, GSPO over kept tokens, and the KL."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from tricks.dialects.own_tricks import ResponseMeanClip
from tricks.importance import TruncatedImportance
from tricks.regularization import KlToGo
from tricks.surrogates import compute_ratios
from tricks.tensors import torch

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.batch import Rollouts, Signal


@dataclass(frozen=True, slots=True)
class MeanWeight(TruncatedImportance):
    r"""One weight per response: the geometric mean of its tokens' weights.

    .. math:: w = \exp\Big(\frac{1}{|o|}\sum_t \log \pi_{learner} - \log \pi_{sampler}\Big)

    Beyond the bounds it is truncated, or becomes 0 with ``outside=drop``. Denominators still count those tokens.
    """

    stable_name: ClassVar = "mean_weight"

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        """Return the weight of each token's loss (B, T), equal within a response."""
        assert rollouts.sampler_log_probs is not None  # the rule has checked it
        gap = torch.where(rollouts.response_mask, rollouts.old_log_probs - rollouts.sampler_log_probs, 0.0)
        lengths = rollouts.response_mask.sum(dim=1, keepdim=True).clamp(min=1)
        weight = compute_ratios(gap.sum(dim=1, keepdim=True) / lengths, None).expand_as(gap)
        if self.outside == "drop":
            return weight.masked_fill((weight > self.cap) | (weight < self.floor), 0.0)
        return weight.clamp(self.floor, self.cap)


@dataclass(frozen=True, slots=True)
class KeptMeanClip(ResponseMeanClip):
    """GSPO whose ratio and advantage are means over the tokens that importance weights do not drop."""

    stable_name: ClassVar = "kept_mean_clip"

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Return the loss (B, T), equal on all tokens of a response."""
        return ResponseMeanClip.surrogate(self, *_kept(log_ratio, signal))

    def diagnostics(self, log_ratio: Tensor, signal: Signal) -> dict[str, Tensor]:
        """Return masks (B, T) of the tokens in responses whose gradient is removed by each bound."""
        return ResponseMeanClip.diagnostics(self, *_kept(log_ratio, signal))


def _kept(log_ratio: Tensor, signal: Signal) -> tuple[Tensor, Signal]:
    """Return the log-ratios and the signal without tokens of weight 0."""
    if signal.token_weights is None:
        return log_ratio, signal
    kept = signal.response_mask & (signal.token_weights != 0)
    return torch.where(kept, log_ratio, 0.0), replace(signal, response_mask=kept)


@dataclass(frozen=True, slots=True)
class SamplerKlToGo(KlToGo):
    """KL-to-go of the sampler's log-probs in place of the learner's."""

    stable_name: ClassVar = "sampler_kl_to_go"
    needs: ClassVar[frozenset[str]] = frozenset({"ref_log_probs", "sampler_log_probs"})

    def shape_advantages(self, rollouts: Rollouts) -> Tensor:
        """Return the negative weighted KL-to-go of each token (B, T), to add to its advantage."""
        assert rollouts.sampler_log_probs is not None  # the rule has checked it
        return KlToGo.shape_advantages(self, replace(rollouts, old_log_probs=rollouts.sampler_log_probs))
