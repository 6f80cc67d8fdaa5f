"""The update rule: the chosen tricks laid out along the five hooks, and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from tricks.api import CLOSED, OPEN, TrickError
from tricks.batch import Rollouts, Setup, Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor


class UpdateRule:
    """From rewards to the loss of an update, along hooks whose order is fixed here alone.

    ``tricks`` are the chosen ones by name; ``fillers`` take the closed hooks that no trick fills.
    Raises TrickError when two tricks set one closed hook or when a trick cannot act in this setup.
    """

    def __init__(self, tricks: Mapping[str, Any], fillers: Mapping[str, Any], setup: Setup) -> None:
        self._open = {hook: [tricks[name] for name in _filling(hook, tricks)] for hook in OPEN}
        self._closed = {hook: _only(hook, tricks, fillers) for hook in CLOSED}
        _refuse_complaints(tricks, setup)

    @torch.no_grad()
    def signal(self, rollouts: Rollouts) -> Signal:
        """Advantages and kept tokens of a rollout batch, from its rewards."""
        rewards, keep = rollouts.rewards, torch.ones_like(rollouts.truncated)
        for trick in self._open["shape_rewards"]:
            rewards = rewards + _like(rewards, trick.shape_rewards(rollouts), trick)
        for trick in self._open["keep_samples"]:
            keep = keep & _like(keep, trick.keep_samples(rollouts), trick)
        trick = self._closed["advantages"]
        advantages = _like(rewards, trick.advantages(rewards, rollouts), trick)
        return Signal(advantages, rollouts.response_mask & keep[:, None])

    @torch.no_grad()
    def loss_weights(self, response_mask: Tensor) -> Tensor:
        """One weight per sample (B, 1) of an update. Call it before any split of the update."""
        trick = self._closed["loss_weights"]
        return _like(response_mask[:, :1], trick.loss_weights(response_mask), trick)

    def loss(self, log_probs: Tensor, old_log_probs: Tensor, signal: Signal, weights: Tensor) -> Tensor:
        """What to minimise. The losses of an update's micro-batches add up to the update's loss."""
        log_ratio = self.log_ratio(log_probs, old_log_probs, signal)
        token_loss: Tensor = self._closed["surrogate"].surrogate(log_ratio, signal)
        return (token_loss * signal.response_mask * weights).sum()

    @torch.no_grad()
    def diagnostics(self, log_probs: Tensor, old_log_probs: Tensor, signal: Signal) -> dict[str, Tensor]:
        """Masks (B, T) of kept tokens by what the surrogate did to them, such as clipping."""
        surrogate = self._closed["surrogate"]
        if not hasattr(surrogate, "diagnostics"):
            return {}
        masks = surrogate.diagnostics(self.log_ratio(log_probs, old_log_probs, signal), signal)
        return {name: mask & signal.response_mask for name, mask in masks.items()}

    def log_ratio(self, log_probs: Tensor, old_log_probs: Tensor, signal: Signal) -> Tensor:
        """Log of the ratio (B, T) of each kept token, 0 elsewhere."""
        return (log_probs - old_log_probs).masked_fill(~signal.response_mask, 0.0)

    def describe(self) -> dict[str, list[str]]:
        """The rule in words, for the cell id and for MLflow: every hook with its settings."""
        return {hook: sorted(map(repr, tricks)) for hook, tricks in self._open.items()} | {
            hook: [repr(trick)] for hook, trick in self._closed.items()
        }


def _filling(hook: str, tricks: Mapping[str, Any]) -> list[str]:
    return sorted(name for name, trick in tricks.items() if hasattr(trick, hook))


def _only(hook: str, tricks: Mapping[str, Any], fillers: Mapping[str, Any]) -> Any:
    match _filling(hook, tricks):
        case []:
            return fillers[hook]
        case [name]:
            return tricks[name]
        case names:
            raise TrickError(f"{' and '.join(names)} both set {hook}; keep one")


def _refuse_complaints(tricks: Mapping[str, Any], setup: Setup) -> None:
    complaints = [
        f"{name}: {complaint}"
        for name, trick in sorted(tricks.items())
        if hasattr(trick, "complaints")
        for complaint in trick.complaints(setup)
    ]
    if complaints:
        raise TrickError("\n".join(complaints))


def _like(pattern: Tensor, result: Tensor, trick: object) -> Tensor:
    if result.shape != pattern.shape:
        raise TrickError(f"{trick!r} returned {tuple(result.shape)}, expected {tuple(pattern.shape)}")
    return result
