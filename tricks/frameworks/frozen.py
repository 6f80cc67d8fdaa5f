"""A frozen batch of rollouts made by formulas, on which rules are compared."""

from __future__ import annotations

import math
from typing import Final

from tricks.batch import Rollouts
from tricks.io import Document
from tricks.tensors import torch

GROUPS: Final = 5
SIZE: Final = 8
WIDTH: Final = 24
_RIGHT: Final = (1, 4, 7, 0, 3)  # correct responses of each group


def frozen_batch() -> Document:
    """Return 5 groups of 8 responses of 3 to 24 tokens in float64, on which most tricks act.

    One group has no correct response, some responses are cut at the limit, ratios leave the usual clip range, and
    the samplers', the reference's and the current log-probs differ. The batch is the same on every machine.
    """
    count = GROUPS * SIZE
    lengths = torch.tensor([min(WIDTH, 3 + (7 * row * row + 5 * row) % (WIDTH + 3)) for row in range(count)])
    mask = torch.arange(WIDTH)[None] < lengths[:, None]
    old = -0.02 - 2.4 * _waves(count, 0.37).square()
    rewards = torch.tensor([float(place < right) for right in _RIGHT for place in range(SIZE)], dtype=torch.float64)
    truncated = lengths == WIDTH
    rollouts = Rollouts(
        old_log_probs=old,
        response_mask=mask,
        rewards=rewards,
        group=torch.arange(count) // SIZE,
        truncated=truncated,
        sampler_log_probs=(old + 0.15 * _waves(count, 0.71)).clamp(max=0.0),
        ref_log_probs=(old + 0.3 * _waves(count, 1.13)).clamp(max=0.0),
        ended=~truncated,
        formatted=torch.arange(count) % 5 != 0,
        max_response_length=WIDTH,
    )
    now = (old + 0.4 * _waves(count, 0.53)).clamp(max=0.0)
    entropies = 1.5 * _waves(count, 0.91).square()
    return Document(rollouts, now, entropies, torch.arange(count) // SIZE)


def _waves(count: int, step: float) -> torch.Tensor:
    """Return numbers (count, WIDTH) between -1 and 1 without a pattern that matters."""
    places = [[math.sin(step * (row * WIDTH + token) ** 1.3) for token in range(WIDTH)] for row in range(count)]
    return torch.tensor(places, dtype=torch.float64)
