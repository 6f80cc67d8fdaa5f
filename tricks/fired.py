"""Find the tokens on which a trick changes the update, compared with the rule without it.

The gradients of each token are compared. The weights of the aggregation are left out unless the trick sets them: a
filter that drops one response fires on its tokens, not on all others because the denominator changed. Tokens that
would have no gradient also count as dropped where that changes the denominator.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from tricks.api import HOOKS, TrickError
from tricks.batch import Signal
from tricks.rule import UpdateRule
from tricks.tensors import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from tricks.batch import Rollouts

RELATIVE: Final = 1e-6  # a smaller relative change of a token's gradient is rounding error
_LATE: Final = ("surrogate", "token_losses", "loss_weights")  # hooks that act after the signal


@dataclass(frozen=True, slots=True)
class AblatedRule:
    """A rule without one of its tricks, and its signal."""

    name: str
    rule: UpdateRule
    signal: Signal

    def __getitem__(self, rows: slice | Tensor) -> AblatedRule:
        """Return the ablated rule with the signal of the selected samples."""
        return AblatedRule(self.name, self.rule, self.signal[rows])


def ablate_each_trick(rule: UpdateRule, rollouts: Rollouts) -> tuple[AblatedRule, ...]:
    """Return the rule without each of its tricks in turn.

    Tricks that act only in the training loop are skipped; the loop reports on them itself.
    """
    rules = {name: rule.without(name) for name, trick in rule.tricks.items() if _acts_in_update(trick)}
    return tuple(AblatedRule(name, ablated, ablated.signal(rollouts)) for name, ablated in rules.items())


def mask_changes_by_trick(
    rule: UpdateRule,
    ablated: Iterable[AblatedRule],
    log_probs: Tensor,
    signal: Signal,
    entropies: Tensor | None = None,
    micro_batch: Tensor | None = None,
) -> dict[str, Tensor]:
    """Return the masks of sampled tokens whose gradient each trick changes, by name of the trick.

    Pass whole updates: loss weights depend on all samples of an update. The gradients of the whole rule are computed
    once for all tricks.

    Args:
        rule: the whole rule
        ablated: the rule without each of the tricks
        log_probs: log-probs of the current policy (B, T) for a whole update
        signal: the signal of the whole rule for the same samples
        entropies: entropies of the current policy (B, T), where the rule needs them
        micro_batch: index (B,) of the micro-batch that each sample belongs to

    Returns:
        Trick -> mask (B, T) of the changed tokens.

    """

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
        try:
            weights = _weights(other.rule, other.signal, micro_batch, weighted)
            moved = _differ(with_it(weighted), _gradients(other.rule, log_probs, other.signal, entropies, weights))
            dropped = _dropped(rule, other, signal, micro_batch)
        except TrickError:  # without the trick the batch has no loss, as where a framework divides 0 by 0
            found[other.name] = signal.sampled_mask.clone()
            continue
        found[other.name] = (moved | dropped) & signal.sampled_mask
    return found


def compute_token_gradients(
    rule: UpdateRule, log_probs: Tensor, signal: Signal, weights: Tensor, entropies: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """Return the gradient of the loss with respect to log-probs and entropies.

    Args:
        rule: the update rule
        log_probs: log-probs of the current policy (B, T)
        signal: the step's signal
        weights: loss weights (B, 1)
        entropies: entropies of the current policy (B, T), or None

    Returns:
        The gradients (B, T); the second is None without entropies.

    """
    inputs = [part.detach().clone().requires_grad_() for part in (log_probs, entropies) if part is not None]
    with torch.enable_grad():
        loss = rule.loss(inputs[0], signal, weights, inputs[1] if len(inputs) > 1 else None)
        found = torch.autograd.grad(loss, inputs, materialize_grads=True) if loss.requires_grad else None
    filled = found or tuple(map(torch.zeros_like, inputs))
    return filled[0], filled[1] if len(inputs) > 1 else None


def _gradients(
    rule: UpdateRule, log_probs: Tensor, signal: Signal, entropies: Tensor | None, weights: Tensor
) -> tuple[Tensor, ...]:
    return tuple(
        part for part in compute_token_gradients(rule, log_probs, signal, weights, entropies) if part is not None
    )


def _weights(rule: UpdateRule, signal: Signal, micro_batch: Tensor | None, weighted: bool) -> Tensor:
    return rule.loss_weights(signal, micro_batch) if weighted else torch.ones_like(signal.old_log_probs[:, :1])


def _differ(some: tuple[Tensor, ...], others: tuple[Tensor, ...]) -> Tensor:
    pairs = zip(some, others, strict=True)
    moved = [(one - other).abs() > RELATIVE * torch.maximum(one.abs(), other.abs()) for one, other in pairs]
    return torch.stack(moved).any(dim=0)


def _dropped(rule: UpdateRule, ablated: AblatedRule, signal: Signal, micro_batch: Tensor | None) -> Tensor:
    """Return the tokens (B, T) that only one of the two rules keeps.

    They count only where dropping them changes the loss weights of others, or where no response is left in both rules.
    """
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
