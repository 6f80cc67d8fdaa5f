"""How a learner gets from a step to its updates, wherever it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.engines.minibatches import minibatch_rows

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from harness.config import OptimConfig
    from harness.engines.protocols import Samples
    from tricks.rule import UpdateRule


def minibatches(samples: Samples, optim: OptimConfig) -> list[slice]:
    """Samples of each update of an epoch: whole groups, as even as can be."""
    wanted = optim.updates_per_rollout // optim.epochs
    return minibatch_rows(samples, min(wanted, len(samples.prompt_ids)))  # a batch may have come out short


def learning_rate(optim: OptimConfig, updates: int) -> float:
    """Linear warm-up over the first updates, constant from there. ``updates`` have been taken."""
    return optim.lr * min(1.0, (updates + 1) / (optim.warmup_steps + 1))


def refuse_surprise(rule: UpdateRule, needs: AbstractSet[str]) -> None:
    """Raise ValueError for a rule that asks for more than the learner was born with."""
    if "entropies" in rule.needs - needs:
        raise ValueError("this rule needs entropies that carry a gradient; tell the learner at its birth")
