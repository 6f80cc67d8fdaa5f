"""Cells that cannot differ: their rules turn every outcome into the same training signal.

Twins are not dropped. They are free A/A controls: a difference between them comes from rounding, never from the trick.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from harness.config import RewardConfig
from tricks.testing import probe_batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.config import ExperimentConfig
    from sweeps.compose import PlannedCell
    from tricks.batch import Rollouts, Signal

# Normalize adds 1e-6 to deviations of about 0.5 or 1, which moves twins apart by a few parts in a million.
_RTOL, _ATOL = 1e-4, 1e-6


def twins(cells: Sequence[PlannedCell]) -> tuple[tuple[PlannedCell, ...], ...]:
    """Groups of cells that agree but for reward scale and tricks, and in their signal on every probe batch."""
    groups: dict[str, list[tuple[list[PlannedCell], list[Signal]]]] = {}
    for cell in cells:
        signals, alike = _signals(cell.config), groups.setdefault(_rest(cell.config), [])
        home = next((members for members, known in alike if _equal(known, signals)), None)
        if home is None:
            alike.append(([cell], signals))
        else:
            home.append(cell)
    found = (members for alike in groups.values() for members, _ in alike)
    return tuple(tuple(members) for members in found if len(members) > 1)


def _rest(config: ExperimentConfig) -> str:
    """Everything but the reward scale and what comes before the surrogate, as one key."""
    rule = config.update_rule().describe()
    neutral = replace(config, reward=RewardConfig(1.0, 0.0), tricks={}, seed=0)
    return " ".join([neutral.cell_id(), *rule["surrogate"], *rule["loss_weights"]])


def _signals(config: ExperimentConfig) -> list[Signal]:
    rule = config.update_rule()
    return [rule.signal(_scaled(probe, config.reward)) for _, probe in probe_batches()]


def _scaled(probe: Rollouts, scale: RewardConfig) -> Rollouts:
    return replace(probe, rewards=torch.where(probe.rewards > 0, scale.correct, scale.wrong).float())


def _equal(some: Sequence[Signal], others: Sequence[Signal]) -> bool:
    return all(
        torch.equal(one.response_mask, other.response_mask)
        and torch.allclose(one.advantages, other.advantages, rtol=_RTOL, atol=_ATOL)
        for one, other in zip(some, others, strict=True)
    )
