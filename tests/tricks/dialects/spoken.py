"""Tricks and rules in a framework's dialect, and batches small enough to follow by hand."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tests.tricks.batches import rollouts
from tricks.api import TrickError
from tricks.batch import Rollouts, Setup
from tricks.catalog import find_trick
from tricks.dialects.build import RefusedRuleError, build_rule, find_dialect, translate
from tricks.fired import compute_token_gradients
from tricks.rule import UpdateRule
from tricks.settings import make_trick

SETUP = Setup(group_size=4, prompts_per_batch=3, updates_per_rollout=4, max_response_length=8)


def trick(name: str, **settings: Any) -> Any:
    """A trick of the catalog with settings of one's own."""
    return make_trick(name, find_trick(name).cls, {**find_trick(name).settings, **settings})


def spoken(emulate: str, name: str, *, beside: tuple[str, ...] = (), **settings: Any) -> Any:
    """A trick in the dialect, alone or beside others."""
    company = {other: trick(other) for other in beside}
    return translate(find_dialect(emulate), {name: trick(name, **settings), **company})[name]


def written(emulate: str, name: str, *, beside: tuple[str, ...] = (), **settings: Any) -> Any:
    """A trick in the dialect whose settings the user writes, so that they hold even where they are the default."""
    parts = {other: trick(other) for other in beside} | {name: trick(name, **settings)}
    return translate(find_dialect(emulate), parts, {name: tuple(settings)})[name]


def rule(emulate: str, **tricks: dict[str, Any]) -> UpdateRule:
    """The rule of these tricks in the dialect, or in ours."""
    return build_rule("vanilla_ppo", tricks, emulate, SETUP)


def refusal_line(error: TrickError) -> str:
    """The refusal itself; that of a whole rule ends with one more line, the words that build."""
    if not isinstance(error, RefusedRuleError):
        return str(error)
    refusal, *rest = str(error).split("\n")
    (builds,) = rest
    assert builds.startswith(f"this builds: preset={error.args[1]} emulate={error.args[3].partition('@')[0]}")
    return refusal


def batch(
    rewards: list[float],
    group: list[int] | None = None,
    *,
    truncated: list[int] | None = None,
    dtype: torch.dtype = torch.float64,
    **parts: Any,
) -> Rollouts:
    """Responses with these rewards, of one token and one group unless said otherwise; ``truncated`` has indices."""
    return rollouts(
        rewards,
        group or [0] * len(rewards),
        truncated=[row in (truncated or []) for row in range(len(rewards))],
        dtype=dtype,
        **{"max_response_length": SETUP.max_response_length, **parts},
    )


def advantages(norm: Any, sampled: Rollouts) -> Tensor:
    """What a normalisation makes of a batch, nothing filtered."""
    return norm.advantages(sampled.rewards, torch.ones_like(sampled.truncated), sampled)


def loss(chosen: UpdateRule, sampled: Rollouts, log_probs: Tensor | None = None, micro_batch: Any = None) -> float:
    """The loss of a batch under the policy that sampled it, or under another."""
    signal = chosen.signal(sampled)
    index = None if micro_batch is None else torch.tensor(micro_batch)
    now = sampled.old_log_probs if log_probs is None else log_probs
    return float(chosen.loss(now, signal, chosen.loss_weights(signal, index)))


def gradient(chosen: UpdateRule, sampled: Rollouts, log_probs: Tensor) -> Tensor:
    """Gradient (B, T) of the loss with respect to the log-probs."""
    signal = chosen.signal(sampled)
    return compute_token_gradients(chosen, log_probs, signal, chosen.loss_weights(signal))[0]
