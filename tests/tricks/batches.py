"""Small batches whose expected values fit in a comment."""

from __future__ import annotations

import torch

from tricks.batch import Rollouts, Setup, Signal

SETUP = Setup(group_size=4, prompts_per_batch=2, updates_per_rollout=4, max_response_length=8)


def rollouts(
    rewards: list[float], group: list[int], *, lengths: list[int] | None = None, truncated: list[bool] | None = None
) -> Rollouts:
    """Samples with the given rewards; one token each unless lengths say otherwise."""
    lengths = lengths or [1] * len(rewards)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return Rollouts(
        old_log_probs=torch.zeros(mask.shape),
        response_mask=mask,
        rewards=torch.tensor(rewards),
        group=torch.tensor(group),
        truncated=torch.tensor(truncated or [False] * len(rewards)),
    )


def signal(advantages: list[float], tokens: int = 1) -> Signal:
    """Equal-length samples with the given advantages."""
    return Signal(torch.tensor(advantages), torch.ones(len(advantages), tokens, dtype=torch.bool))
