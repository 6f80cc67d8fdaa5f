"""Small batches whose expected values fit in a comment, and how closely a result must agree with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tricks.batch import Rollouts, Setup, Signal
from tricks.catalog import DEFAULT_TRICKS, find_trick
from tricks.rule import UpdateRule

SETUP = Setup(group_size=4, prompts_per_batch=2, updates_per_rollout=4, max_response_length=8)
ALONE, ONCE = replace(SETUP, group_size=1), replace(SETUP, updates_per_rollout=1)
DTYPES = (torch.float32, torch.float64)
AGREEMENT = {torch.float32: 1e-6, torch.float64: 1e-9}
in_both_precisions = pytest.mark.parametrize("dtype", DTYPES)


def rollouts(
    rewards: list[float],
    group: list[int],
    *,
    lengths: list[int] | None = None,
    truncated: list[bool] | None = None,
    dtype: torch.dtype = torch.float32,
    **others: Any,
) -> Rollouts:
    """Samples with the given rewards and log-probs of 0; one token each unless lengths say otherwise."""
    mask = mask_of(lengths or [1] * len(rewards))
    return Rollouts(
        **{
            "old_log_probs": torch.zeros(mask.shape, dtype=dtype),
            "response_mask": mask,
            "rewards": torch.tensor(rewards, dtype=dtype),
            "group": torch.tensor(group),
            "truncated": torch.tensor(truncated or [False] * len(rewards)),
            **others,
        }
    )


def signal(
    advantages: list[float] | list[list[float]],
    tokens: int = 1,
    *,
    lengths: list[int] | None = None,
    dtype: torch.dtype = torch.float32,
    **others: Any,
) -> Signal:
    """Samples with these advantages, one a sample or a list of one a token; of equal length unless lengths say not."""
    mask = mask_of(lengths or [tokens] * len(advantages))
    given = torch.tensor(advantages, dtype=dtype)
    return Signal(
        **{
            "advantages": given[:, None] if given.dim() == 1 else given,
            "response_mask": mask,
            "sampled_mask": mask,
            "old_log_probs": torch.zeros(mask.shape, dtype=dtype),
            "group": torch.zeros(len(mask), dtype=torch.int64),
            **others,
        }
    )


def example(dtype: torch.dtype = torch.float32, *, prompts: int = 2, **others: Any) -> Rollouts:
    """Four responses to each prompt: unequal lengths, one truncated, three policies' log-probs, mixed rewards.

    All responses to a third prompt are right.
    """
    samples = 4 * prompts
    mask = mask_of([6, 2, 3, 1, 4, 5, 2, 3, 2, 4, 1, 3][:samples])
    wave = torch.arange(mask.numel(), dtype=torch.float64).reshape(mask.shape)
    old = -1.5 + torch.sin(3 * wave)
    return Rollouts(
        **{
            "old_log_probs": old.to(dtype),
            "response_mask": mask,
            "rewards": torch.tensor([1, 0, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1][:samples], dtype=dtype),
            "group": torch.tensor([3, 3, 3, 3, 1, 1, 1, 1, 7, 7, 7, 7][:samples]),
            "truncated": mask.sum(dim=1) == 6,
            "sampler_log_probs": (old + 0.5 * torch.sin(5 * wave)).to(dtype),
            "ref_log_probs": (old + 0.4 * torch.cos(2 * wave)).to(dtype),
            "ended": mask.sum(dim=1) != 6,
            "formatted": torch.arange(samples) % 3 == 0,
            "max_response_length": 6,
            **others,
        }
    )


def moved(batch: Rollouts, by: float = 0.6) -> Tensor:
    """Log-probs (B, T) of a policy that has moved: log-ratios between plus and minus ``by``."""
    wave = torch.arange(batch.old_log_probs.numel(), dtype=torch.float64).reshape(batch.old_log_probs.shape)
    return batch.old_log_probs + by * torch.sin(7 * wave + 1).to(batch.old_log_probs.dtype)


def mask_of(lengths: list[int]) -> Tensor:
    """A right-padded mask (B, T)."""
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def rule(*names: str, setup: Setup = SETUP, **others: Any) -> UpdateRule:
    """The rule of these tricks as the catalog has them, and of others as they are given."""
    chosen = {name: find_trick(name).cls(**find_trick(name).settings) for name in names}
    return UpdateRule({**chosen, **others}, DEFAULT_TRICKS, setup)


def gradient(update_rule: UpdateRule, batch: Rollouts, log_probs: Tensor, entropies: Tensor | None = None) -> Tensor:
    """Gradient (B, T) of a whole update's loss with respect to the log-probs."""
    leaf, signal = log_probs.detach().clone().requires_grad_(), update_rule.signal(batch)
    loss = update_rule.loss(leaf, signal, update_rule.loss_weights(signal), entropies)
    return torch.autograd.grad(loss, leaf)[0]


def assert_agree(found: Tensor, expected: Any, *, size: float = 0.0) -> None:
    """Fail where a result is further from float64 values than its type allows, relative to the largest of them.

    ``size`` is that of numbers that cancelled in the result, where it is larger.
    """
    wanted = torch.as_tensor(expected, dtype=torch.float64)
    largest = max([size, *wanted.abs().flatten().tolist()])
    assert_close(found.detach().double(), wanted, rtol=0, atol=AGREEMENT[found.dtype] * largest)
