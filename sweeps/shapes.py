"""What the batches of a run look like, as far as an update rule can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from harness.config import ExperimentConfig

LONGEST_PROMPT: Final = 64  # tokens of an arithmetic problem to an embedded model, twice the longest seen


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a rollout batch and of its updates."""

    group_size: int  # samples of a prompt
    groups: int  # prompts of an update
    updates: int  # updates of one pass over the batch
    limit: int  # tokens of the longest response
    moved: bool  # whether ratios leave 1: the first update of a batch finds them all there
    split: bool  # whether an update may be computed in several micro-batches

    @classmethod
    def of(cls, config: ExperimentConfig) -> Shape:
        """The shape of a run's batches."""
        rollout, optim = config.rollout, config.optim
        updates = max(optim.updates_per_rollout // optim.epochs, 1)
        return cls(
            group_size=rollout.group_size,
            groups=max(rollout.prompts_per_batch // updates, 1),
            updates=updates,
            limit=rollout.max_response_length,
            moved=optim.updates_per_rollout > 1,
            split=_splits(config, updates),
        )

    @property
    def prompts(self) -> int:
        """Prompts of the whole rollout batch."""
        return self.groups * self.updates


def _splits(config: ExperimentConfig, updates: int) -> bool:
    """Whether an update may need several micro-batches; where prompts are of unknown length it may."""
    known = config.data.source == "arithmetic" and config.model.path.startswith("builtin:")
    rows = -(-config.rollout.prompts_per_batch // updates) * config.rollout.group_size
    tokens = rows * (config.rollout.max_response_length + LONGEST_PROMPT)
    return not known or tokens > config.optim.micro_batch_tokens
