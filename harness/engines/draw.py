"""Choosing a token by inversion: one uniform number a token, so that equal seeds mean common random numbers."""

from __future__ import annotations

import torch
from torch import Tensor


def uniforms(samples: int, tokens: int, seed: int) -> Tensor:
    """Numbers in [0, 1) (samples, tokens) that depend on the seed, the sample and the position alone."""
    return torch.rand(samples, tokens, generator=torch.Generator().manual_seed(seed))


def draw(logits: Tensor, uniform: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Tokens (B,) and their log-probabilities (B,), from logits (B, V) and numbers in [0, 1) (B,).

    Temperature 0 takes the likeliest token and gives its log-probability at temperature 1.
    """
    log_probs = torch.log_softmax(logits / (temperature or 1), dim=-1)
    ids = invert(log_probs, uniform) if temperature else logits.argmax(dim=-1)
    return ids, log_probs.gather(1, ids[:, None])[:, 0]


def invert(log_probs: Tensor, uniform: Tensor) -> Tensor:
    """The first token at which the cumulative probability exceeds ``uniform``."""
    cumulative = log_probs.exp().cumsum(dim=-1)
    # Below 1 in float32 keeps the product below the total, so the token found has a probability above 0.
    wanted = uniform[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, wanted, right=True)[:, 0]
