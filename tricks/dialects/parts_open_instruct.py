"""Parts that open-instruct computes in its own way: the weight of a token from trainer and engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tricks.importance import TruncatedImportance
from tricks.tensors import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Rollouts, Setup

_BOUND = 10.0  # of the log-ratio of each token


@dataclass(frozen=True, slots=True)
class BoundedImportance(TruncatedImportance):
    """Truncated importance sampling of a log-ratio that is held to -10 and 10, so that no weight is below 4.5e-5."""

    stable_name: ClassVar = "bounded_importance"

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        """Return the weight of each token's loss (B, T), 1 where trainer and engine agree."""
        assert rollouts.sampler_log_probs is not None  # the rule has checked it
        gap = torch.where(rollouts.response_mask, rollouts.old_log_probs - rollouts.sampler_log_probs, 0.0)
        ratio = gap.clamp(-_BOUND, _BOUND).exp()
        if self.outside == "drop":
            return ratio.masked_fill((ratio > self.cap) | (ratio < self.floor), 0.0)
        return ratio.clamp(self.floor, self.cap)

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse bounds on the wrong side of 1."""
        yield from TruncatedImportance.validate(self, setup)
        if self.cap <= 1:
            yield f"open-instruct stops at an upper bound of at most 1, got cap={self.cap:g}; set cap above 1"
        if self.floor >= 1:
            yield f"open-instruct stops at a lower bound of at least 1, got floor={self.floor:g}; set floor below 1"
