"""Compare two recipes: which settings differ, and by how much their gradients do on the frozen batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tricks.frameworks.spelling import LOOP, equal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from tricks.frameworks.sources import LoadedRecipe
    from tricks.rule import UpdateRule


@dataclass(frozen=True, slots=True)
class RecipeDifference:
    """Two recipes side by side."""

    first: str
    second: str
    hooks: tuple[tuple[str, str, str], ...]  # hook, the first's tricks, the second's
    loop: tuple[tuple[str, Any, Any], ...]  # key, the first's value, the second's; None where it does not say
    cosine: float  # of the gradients of the log-probs on the frozen batch; 1 where both are 0
    norm_ratio: float  # of the second to the first

    @property
    def same_algorithm(self) -> bool:
        """True if the rules are equal; the loops may still differ."""
        return not self.hooks


def compare_recipes(first: LoadedRecipe, second: LoadedRecipe) -> RecipeDifference:
    """Compare two recipes. The gradients are those of the loss by the log-probs of the current policy, in float64."""
    mine, theirs = first.rule.settings(), second.rule.settings()
    hooks = tuple(
        (hook, _joined(mine, hook), _joined(theirs, hook))
        for hook in dict.fromkeys((*mine, *theirs))
        if mine.get(hook) != theirs.get(hook)
    )
    loop = tuple(
        (key, first.loop.get(key), second.loop.get(key))
        for key in LOOP
        if first.loop and second.loop  # a preset has none of its own
        if not equal(first.loop.get(key), second.loop.get(key))
    )
    cosine, ratio = compare_gradients(gradient_of(first.rule), gradient_of(second.rule))
    return RecipeDifference(first.label, second.label, hooks, loop, cosine, ratio)


def gradient_of(rule: UpdateRule) -> Tensor:
    """Return the gradient (B, T) of a rule's loss on the frozen batch, with respect to the current log-probs."""
    from tricks.fired import compute_token_gradients  # noqa: PLC0415 - torch takes a second
    from tricks.frameworks.frozen import frozen_batch  # noqa: PLC0415

    batch = frozen_batch()
    signal = rule.signal(batch.rollouts)
    weights = rule.loss_weights(signal, batch.micro_batch)
    return compute_token_gradients(rule, batch.log_probs, signal, weights, batch.entropies)[0]


def compare_gradients(first: Tensor, second: Tensor) -> tuple[float, float]:
    """Return the cosine of two gradients and the ratio of the second's norm to the first's."""
    norms = float(first.norm()), float(second.norm())
    if not all(norms):
        return (1.0, 1.0) if norms[0] == norms[1] else (0.0, float("inf") if norms[1] else 0.0)
    return float((first * second).sum()) / (norms[0] * norms[1]), norms[1] / norms[0]


def difference_lines(difference: RecipeDifference) -> Iterator[str]:
    """Yield the comparison as text."""
    yield f"{difference.first} and {difference.second}: {_verdict(difference)}"
    yield (
        f"gradients on the frozen batch: cosine {difference.cosine:.6f}, "
        f"norm of the second {difference.norm_ratio:.6g} times that of the first"
    )
    for title, rows in (("rule", difference.hooks), ("keep", difference.loop)):
        for name, mine, theirs in rows:
            yield f"{title} {name}:"
            yield f"  {difference.first}: {'not said' if mine is None else mine}"
            yield f"  {difference.second}: {'not said' if theirs is None else theirs}"


def _verdict(difference: RecipeDifference) -> str:
    if difference.same_algorithm:
        return "the same rule" + (", in another loop" if difference.loop else " and the same loop")
    return f"another rule, which differs in {', '.join(hook for hook, _, _ in difference.hooks)}"


def _joined(settings: Mapping[str, list[str]], hook: str) -> str:
    return " + ".join(settings.get(hook, [])) or "nothing"
