"""The part that only NeMo-RL computes: weights that a response loses as a whole (seq-mask-tis)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tricks.importance import TruncatedImportance
from tricks.surrogates import compute_ratios
from tricks.tensors import torch

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.batch import Rollouts


@dataclass(frozen=True, slots=True)
class ResponseGate(TruncatedImportance):
    r"""Token weights that are 0 in responses whose geometric mean is beyond the bounds.

    The other responses keep the ratio learner/sampler of each token, not truncated. Denominators count all of them.
    """

    stable_name: ClassVar = "response_gate"

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        """Return the weight of each token's loss (B, T)."""
        assert rollouts.sampler_log_probs is not None  # the rule has checked it
        mask = rollouts.response_mask
        gap = torch.where(mask, rollouts.old_log_probs - rollouts.sampler_log_probs, 0.0)
        mean = (gap.sum(dim=1, keepdim=True) / mask.sum(dim=1, keepdim=True).clamp(min=1)).exp()
        return compute_ratios(gap, None) * ((mean >= self.floor) & (mean <= self.cap))
