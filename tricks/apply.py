"""One batch through one rule: everything that decides its gradient, as plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tricks.api import TrickError
from tricks.batch import Setup
from tricks.clipping import floats_end
from tricks.fired import ablations, changes, token_gradients

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Rollouts, Signal
    from tricks.document import Document
    from tricks.rule import UpdateRule


def setup_of(rollouts: Rollouts, updates_per_rollout: int) -> Setup:
    """The run that such a batch comes from, as far as the batch tells; its largest group gives the group size."""
    sizes = rollouts.group.bincount()
    limit = rollouts.max_response_length or rollouts.response_mask.shape[1]
    return Setup(int(sizes.max()), len(sizes), updates_per_rollout, limit)


def apply(rule: UpdateRule, document: Document) -> dict[str, Any]:
    """What the rule makes of the batch, as one update, in plain Python. A batch without kept tokens is skipped.

    Raises TrickError where the rule needs what the batch lacks, or where the loss or its gradient is not finite.
    """
    if "entropies" in rule.needs and document.entropies is None:
        raise TrickError(
            f"{_needing(rule, 'entropies')} needs entropies, which this batch lacks; add them or leave it out"
        )
    signal = rule.signal(document.rollouts)
    weights = rule.loss_weights(signal, document.micro_batch)
    gradients = token_gradients(rule, document.log_probs, signal, weights, document.entropies)
    loss = rule.loss(document.log_probs, signal, weights, document.entropies)
    _refuse_infinite(rule, document, signal, (loss, *gradients))
    return {
        "skipped": not bool(signal.response_mask.any()),
        "loss": loss.item(),
        "advantages": _plain(signal.advantages),
        "mask": signal.response_mask.long().tolist(),
        "loss_weights": weights[:, 0].tolist(),
        "token_weights": None if signal.token_weights is None else signal.token_weights.tolist(),
        "gradient": gradients[0].tolist(),
        "entropy_gradient": None if gradients[1] is None else gradients[1].tolist(),
        "accepted": rule.accepted(document.rollouts).tolist(),
        "fired": dict(_fired(rule, document, signal)),
        "inert": {name: list(reasons) for name, reasons in rule.inert().items()},
        "diagnostics": _diagnostics(rule, document, signal),
        "rule": rule.settings(),
    }


def _plain(advantages: Tensor) -> list[Any]:
    found: list[Any] = (advantages[:, 0] if advantages.shape[1] == 1 else advantages).tolist()
    return found


def _fired(rule: UpdateRule, document: Document, signal: Signal) -> Iterator[tuple[str, dict[str, Any]]]:
    """Tokens whose gradient each trick changes; for a trick of the loop, the tokens of samples it would draw anew."""
    rollouts = document.rollouts
    for name, trick in rule.tricks.items():
        if hasattr(trick, "accept_groups"):
            yield name, _share(rollouts.response_mask & ~trick.accept_groups(rollouts)[:, None], rollouts)
    others = ablations(rule, rollouts)
    found = changes(rule, others, document.log_probs, signal, document.entropies, document.micro_batch)
    yield from ((name, _share(tokens, rollouts)) for name, tokens in found.items())


def _share(tokens: Tensor, rollouts: Rollouts) -> dict[str, Any]:
    samples = tokens.any(dim=1).nonzero().flatten().tolist()
    share = tokens.sum().item() / max(1, int(rollouts.response_mask.sum()))
    return {"share": share, "samples": samples, "tokens": tokens.long().tolist()}


def _diagnostics(rule: UpdateRule, document: Document, signal: Signal) -> dict[str, float]:
    kept = max(1, int(signal.response_mask.sum()))
    return {name: mask.sum().item() / kept for name, mask in rule.diagnostics(document.log_probs, signal).items()}


def _refuse_infinite(rule: UpdateRule, document: Document, signal: Signal, found: tuple[Tensor | None, ...]) -> None:
    ratios = rule.log_ratio(document.log_probs, signal).abs()
    finite = all(part is None or part.isfinite().all() for part in (*found, signal.advantages, signal.token_weights))
    bounded = all(
        getattr(part, "log_ratio_bound", 0) is not None for part in (*rule.tricks.values(), *rule.fillers.values())
    )
    if finite and (bounded or bool((ratios <= floats_end(ratios)).all())):
        return
    if not signal.advantages.isfinite().all():
        row = int((~signal.advantages.isfinite()).nonzero()[0, 0])
        reward = document.rollouts.rewards[row].item()
        raise TrickError(
            f"the advantage of sample {row} is not finite, its reward is {reward:g}; divide the rewards by a constant"
        )
    sample, token = divmod(int(ratios.argmax()), ratios.shape[1])
    raise TrickError(
        f"the loss or its gradient is not finite; the largest log-ratio is {ratios.max().item():g} at "
        f"log_probs[{sample}][{token}]; check it against old_log_probs, or set log_ratio_bound"
    )


def _needing(rule: UpdateRule, part: str) -> str:
    return next(name for name, trick in sorted(rule.tricks.items()) if part in getattr(trick, "needs", ()))
