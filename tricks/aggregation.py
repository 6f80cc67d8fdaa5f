"""How the losses of tokens become the loss of an update, written as one weight per sample.

Weights are computed over a whole update, before any split into micro-batches, so that the
parts add up exactly. Samples without a kept token weigh nothing and count nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class TokenMean:
    r"""Every token counts the same: :math:`w_b = 1 / \sum_j |o_j|` (arXiv:2503.14476, eq. 12)."""

    def loss_weights(self, response_mask: Tensor) -> Tensor:
        """Weights (B, 1) that sum to one over the kept tokens."""
        lengths = response_mask.sum(dim=1, keepdim=True).float()  # (B, 1)
        return (lengths > 0) / lengths.sum().clamp(min=1)


@dataclass(frozen=True, slots=True)
class SequenceMean:
    r"""Every response counts the same: :math:`w_b = 1 / (B\,|o_b|)` (arXiv:2402.03300, eq. 3)."""

    def loss_weights(self, response_mask: Tensor) -> Tensor:
        """Weights (B, 1) that sum to one over the kept tokens; B counts responses with kept tokens."""
        lengths = response_mask.sum(dim=1, keepdim=True).float()  # (B, 1)
        kept = lengths > 0
        return kept / (kept.sum() * lengths).clamp(min=1)
