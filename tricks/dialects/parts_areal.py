"""Parts that only AReaL computes: one weight per response for the gap between two policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from tricks.importance import TruncatedImportance
from tricks.surrogates import compute_ratios

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.batch import Rollouts


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
