"""How sure the policy is of what it samples (the paper's Figs. 9 and 20)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from torch import Tensor

EDGES: Final = (0.0, 0.3, 0.6, 0.85, 0.95, 0.99, 1.0)  # of the paper; a bin holds its lower edge, the last both
NAMES: Final = tuple(f"probability/{low:g}-{high:g}" for low, high in pairwise(EDGES))


def shares(log_probs: Tensor) -> dict[str, float]:
    """Share of sampled tokens by the probability that the policy gave them, from their log-probs (n,), n > 0."""
    inner = torch.tensor(EDGES[1:-1], dtype=torch.float64, device=log_probs.device)
    bins = torch.bucketize(log_probs.to(torch.float64).exp(), inner, right=True)
    counts = torch.bincount(bins, minlength=len(NAMES)).tolist()
    return {name: count / len(log_probs) for name, count in zip(NAMES, counts, strict=True)}
