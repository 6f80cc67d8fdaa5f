"""Small batches that tricks tend to trip over, and how each hook is called on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from tricks.batch import Rollouts, Signal, take

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES, TOKENS, GROUP = 12, 7, 4
Call = Callable[[Any, Rollouts], Tensor]


def probe_batches(dtype: torch.dtype = torch.float32) -> Iterator[tuple[str, Rollouts]]:
    """Batches of 12 samples in groups of 4 with every optional part, and some of other sizes."""
    usual = _usual(dtype)
    everyone, generator = torch.ones(SAMPLES, dtype=torch.bool), torch.Generator().manual_seed(1)
    yield "usual", usual
    yield "all right", replace(usual, rewards=torch.ones_like(usual.rewards))
    yield "all wrong", replace(usual, rewards=torch.zeros_like(usual.rewards))
    yield "all truncated", replace(usual, truncated=everyone, ended=~everyone)
    yield "negative rewards", replace(usual, rewards=usual.rewards * 2 - 1)
    yield "shuffled groups", take(usual, torch.randperm(SAMPLES, generator=generator))
    yield "unequal groups", replace(usual, group=torch.tensor([0] * 5 + [1] * 6 + [2]))
    yield (
        "responses without tokens",
        replace(usual, response_mask=usual.response_mask & (torch.arange(SAMPLES) > 2)[:, None]),
    )
    yield "nothing at all", replace(usual, response_mask=torch.zeros_like(usual.response_mask))
    yield "far policies", replace(usual, old_log_probs=60 * usual.old_log_probs)
    yield "one sample", take(usual, torch.tensor([3]))


def copied(rollouts: Rollouts) -> Rollouts:
    """The same batch in memory of its own."""
    parts = ((field.name, getattr(rollouts, field.name)) for field in fields(Rollouts))
    fresh: dict[str, Any] = {name: part.clone() if isinstance(part, Tensor) else part for name, part in parts}
    return Rollouts(**fresh)


def only(rollouts: Rollouts, parts: frozenset[str]) -> Rollouts:
    """The batch with no optional part but these."""
    optional = {"sampler_log_probs", "ref_log_probs", "ended", "formatted"}
    absent: dict[str, Any] = dict.fromkeys(optional - parts)
    return replace(rollouts, **absent)


def signal_of(rollouts: Rollouts, *, per_token: bool) -> Signal:
    """A signal with plain advantages, one a sample or one a token."""
    advantages = (rollouts.rewards - 0.5)[:, None]
    if per_token:
        advantages = advantages + 0.1 * torch.arange(rollouts.response_mask.shape[1]).to(advantages)
    return Signal(
        advantages,
        rollouts.response_mask & (rollouts.rewards >= 0)[:, None],
        rollouts.response_mask,
        rollouts.old_log_probs,
        rollouts.group,
        ref_log_probs=rollouts.ref_log_probs,
        max_response_length=rollouts.max_response_length,
    )


def current(rollouts: Rollouts) -> Tensor:
    """Log-probs (B, T) of a policy some way from the old one; 0 on padding, as the rule passes them."""
    moved = rollouts.old_log_probs + 0.5 * torch.sin(10 * rollouts.old_log_probs)
    return moved.masked_fill(~rollouts.response_mask, 0.0)


def calls(hook: str) -> dict[str, Call]:
    """The ways in which a hook is called, by name."""
    if hook in ("surrogate", "token_losses", "whiten"):
        return {f"{hook} {size}": _LATE[hook](per_token) for size, per_token in (("(B, 1)", False), ("(B, T)", True))}
    return {hook: _CALLS[hook]}


def _usual(dtype: torch.dtype) -> Rollouts:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, TOKENS + 1, (SAMPLES,), generator=generator)
    old_log_probs = -torch.rand(SAMPLES, TOKENS, generator=generator).to(dtype)
    truncated = lengths == TOKENS
    return Rollouts(
        old_log_probs=old_log_probs,
        response_mask=torch.arange(TOKENS) < lengths[:, None],
        rewards=torch.randint(0, 2, (SAMPLES,), generator=generator).to(dtype),
        group=torch.arange(SAMPLES) // GROUP,
        truncated=truncated,
        sampler_log_probs=old_log_probs + 0.3 * torch.randn(SAMPLES, TOKENS, generator=generator).to(dtype),
        ref_log_probs=old_log_probs - 0.2 * torch.rand(SAMPLES, TOKENS, generator=generator).to(dtype),
        ended=~truncated,
        formatted=torch.arange(SAMPLES) % 3 > 0,
        max_response_length=TOKENS,
    )


def _advantages(trick: Any, rollouts: Rollouts) -> Tensor:
    found: Tensor = trick.advantages(rollouts.rewards, torch.ones_like(rollouts.truncated), rollouts)
    return found


def _loss_weights(trick: Any, rollouts: Rollouts) -> Tensor:
    signal = signal_of(rollouts, per_token=False)
    found: Tensor = trick.loss_weights(signal, signal.group)
    return found


def _surrogate(per_token: bool) -> Call:
    def call(trick: Any, rollouts: Rollouts) -> Tensor:
        log_ratio = (current(rollouts) - rollouts.old_log_probs).masked_fill(~rollouts.response_mask, 0.0)
        found: Tensor = trick.surrogate(log_ratio, signal_of(rollouts, per_token=per_token))
        return found

    return call


def _token_losses(per_token: bool) -> Call:
    def call(trick: Any, rollouts: Rollouts) -> Tensor:
        now = current(rollouts)
        found: Tensor = trick.token_losses(now, now.square(), signal_of(rollouts, per_token=per_token))
        return found

    return call


def _whiten(per_token: bool) -> Call:
    def call(trick: Any, rollouts: Rollouts) -> Tensor:
        signal = signal_of(rollouts, per_token=per_token)
        found: Tensor = trick.whiten(signal.advantages.clone(), signal.response_mask, rollouts)
        return found

    return call


_LATE: Final = {"surrogate": _surrogate, "token_losses": _token_losses, "whiten": _whiten}
_CALLS: Final[dict[str, Call]] = {
    "accept_groups": lambda trick, rollouts: trick.accept_groups(rollouts),
    "shape_rewards": lambda trick, rollouts: trick.shape_rewards(rollouts),
    "clip_rewards": lambda trick, rollouts: trick.clip_rewards(rollouts.rewards),
    "keep_samples": lambda trick, rollouts: trick.keep_samples(rollouts),
    "advantages": _advantages,
    "shape_advantages": lambda trick, rollouts: trick.shape_advantages(rollouts),
    "clip_advantages": lambda trick, rollouts: trick.clip_advantages(rollouts.rewards[:, None]),
    "token_weights": lambda trick, rollouts: trick.token_weights(rollouts),
    "loss_weights": _loss_weights,
}
