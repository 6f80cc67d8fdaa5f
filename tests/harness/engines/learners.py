"""Learners, rules and signals for samples whose rewards are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from harness.config.experiment import load_config
from harness.engines.base.protocols import Samples
from harness.engines.qwen3.forward import score_samples_compact
from harness.engines.torch.learner import TorchLearner
from tests.harness.engines.policies import optim
from tricks.batch import Rollouts, Signal
from tricks.rule import UpdateRule


@cache
def rule(preset: str = "grpo", *overrides: str) -> UpdateRule:
    return load_config(f"preset={preset}", *overrides).update_rule()


def rollouts_of(samples: Samples, old_log_probs: Tensor) -> Rollouts:
    rewards = torch.randint(0, 2, samples.group.shape, generator=torch.Generator().manual_seed(7)).float()
    return Rollouts(
        old_log_probs,
        samples.response_mask,
        rewards,
        samples.group,
        samples.truncated,
        ref_log_probs=old_log_probs - 0.1,
        max_response_length=samples.response_mask.shape[1],
    )


def signal_of(samples: Samples, chosen: UpdateRule, old_log_probs: Tensor) -> Signal:
    return chosen.signal(rollouts_of(samples, old_log_probs))


def plain_signal(samples: Samples, advantages: Tensor, old_log_probs: Tensor, mask: Tensor | None = None) -> Signal:
    kept = samples.response_mask if mask is None else mask
    return Signal(advantages[:, None], kept, samples.response_mask, old_log_probs, samples.group)


def stale(log_probs: Tensor) -> Tensor:
    """Old log-probs far enough away for both bounds to bind."""
    return log_probs.detach() + 0.5 * torch.randn(log_probs.shape, generator=torch.Generator().manual_seed(8))


def learner(model: Any, scorer: Any = score_samples_compact, temperature: float = 1.0, **settings: Any) -> TorchLearner:
    return TorchLearner(model, optim(**settings), temperature, scorer)


def step(chosen: TorchLearner, samples: Samples, preset: str = "grpo") -> Mapping[str, float]:
    old_log_probs = chosen.log_probs(samples)
    return chosen.update(samples, signal_of(samples, rule(preset), old_log_probs), rule(preset))
