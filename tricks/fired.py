"""Did it fire: on which tokens a trick changes the update, compared with the rule without it.

The gradient of each token is compared, with the weights of the aggregation left out unless the trick sets them: a
filter that drops one response fires on its tokens, not on all others because the denominator moved. Tokens that would
have no gradient count as dropped too where that moves the denominator.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import torch

from tricks.api import HOOKS
from tricks.batch import Signal
from tricks.rule import UpdateRule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from tricks.batch import Rollouts

RELATIVE: Final = 1e-6  # a smaller change of a token's gradient is rounding
_LATE: Final = ("surrogate", "token_losses", "loss_weights")  # hooks that act after the signal


@dataclass(frozen=True, slots=True)
class Ablated:
    """A rule without one of its tricks, and the signal that it gives."""

    name: str
    rule: UpdateRule
    signal: Signal

    def __getitem__(self, rows: slice | Tensor) -> Ablated:
        """The same for some samples."""
        return Ablated(self.name, self.rule, self.signal[rows])


def ablations(rule: UpdateRule, rollouts: Rollouts) -> tuple[Ablated, ...]:
    """The rule without each of its tricks in turn; tricks that act in the loop alone are left to the loop."""
    rules = {name: rule.without(name) for name, trick in rule.tricks.items() if _acts_in_update(trick)}
    return tuple(Ablated(name, ablated, ablated.signal(rollouts)) for name, ablated in rules.items())


def changed(
    rule: UpdateRule,
    ablated: Ablated,
    log_probs: Tensor,
    signal: Signal,
    entropies: Tensor | None = None,
    micro_batch: Tensor | None = None,
) -> Tensor:
    """Sampled tokens (B, T) whose gradient the trick of that name changes.

    Pass whole updates: loss weights see all of their update.
    """
    return changes(rule, [ablated], log_probs, signal, entropies, micro_batch)[ablated.name]


def changes(
    rule: UpdateRule,
    ablated: Iterable[Ablated],
    log_probs: Tensor,
    signal: Signal,
    entropies: Tensor | None = None,
    micro_batch: Tensor | None = None,
) -> dict[str, Tensor]:
    """The same for several tricks, by name; they share the gradients of the whole rule."""

    @cache
    def with_it(weighted: bool) -> tuple[Tensor, ...]:
        return _gradients(rule, log_probs, signal, entropies, _weights(rule, signal, micro_batch, weighted))

    found = {}
    for other in ablated:
        trick = rule.tricks[other.name]
        if not any(hasattr(trick, hook) for hook in _LATE) and _equal(signal, other.signal):
            found[other.name] = torch.zeros_like(signal.sampled_mask)
            continue
        weighted = hasattr(trick, "loss_weights")
        weights = _weights(other.rule, other.signal, micro_batch, weighted)
        moved = _differ(with_it(weighted), _gradients(other.rule, log_probs, other.signal, entropies, weights))
        found[other.name] = (moved | _dropped(rule, other, signal, micro_batch)) & signal.sampled_mask
    return found


def token_gradients(
    rule: UpdateRule, log_probs: Tensor, signal: Signal, weights: Tensor, entropies: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """Gradient (B, T) of the loss with respect to log-probs and, where given, to entropies."""
    inputs = [part.detach().clone().requires_grad_() for part in (log_probs, entropies) if part is not None]
    with torch.enable_grad():
        loss = rule.loss(inputs[0], signal, weights, inputs[1] if len(inputs) > 1 else None)
        found = torch.autograd.grad(loss, inputs, materialize_grads=True) if loss.requires_grad else None
    filled = found or tuple(map(torch.zeros_like, inputs))
    return filled[0], filled[1] if len(inputs) > 1 else None


def _gradients(
    rule: UpdateRule, log_probs: Tensor, signal: Signal, entropies: Tensor | None, weights: Tensor
) -> tuple[Tensor, ...]:
    return tuple(part for part in token_gradients(rule, log_probs, signal, weights, entropies) if part is not None)


def _weights(rule: UpdateRule, signal: Signal, micro_batch: Tensor | None, weighted: bool) -> Tensor:
    return rule.loss_weights(signal, micro_batch) if weighted else torch.ones_like(signal.old_log_probs[:, :1])


def _differ(some: tuple[Tensor, ...], others: tuple[Tensor, ...]) -> Tensor:
    pairs = zip(some, others, strict=True)
    moved = [(one - other).abs() > RELATIVE * torch.maximum(one.abs(), other.abs()) for one, other in pairs]
    return torch.stack(moved).any(dim=0)


def _dropped(rule: UpdateRule, ablated: Ablated, signal: Signal, micro_batch: Tensor | None) -> Tensor:
    """Tokens (B, T) that one of the two rules keeps, where this changes what the others weigh or leaves none."""
    one, other = signal.response_mask, ablated.signal.response_mask
    if torch.equal(one, other):
        return torch.zeros_like(one)
    stay = one.any(dim=1) & other.any(dim=1)
    weights = rule.loss_weights(signal, micro_batch)[stay]
    moved = not torch.equal(weights, ablated.rule.loss_weights(ablated.signal, micro_batch)[stay])
    return (one != other) & (moved or not stay.any())


def _acts_in_update(trick: object) -> bool:
    return any(hasattr(trick, hook) for hook in HOOKS if hook != "accept_groups")


def _equal(one: Signal, other: Signal) -> bool:
    return (
        torch.equal(one.response_mask, other.response_mask)
        and torch.equal(one.advantages, other.advantages)
        and _same(one.token_weights, other.token_weights)
    )


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    return one is other if one is None or other is None else torch.equal(one, other)
