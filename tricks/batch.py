"""What one policy update can see. B samples, T response tokens, everywhere in that order."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import torch
from torch import Tensor

_FLOAT, _BOOL, _INT = torch.float32, torch.bool, torch.int64
_LAYOUT: Final = {
    "old_log_probs": (("B", "T"), _FLOAT),
    "response_mask": (("B", "T"), _BOOL),
    "rewards": (("B",), _FLOAT),
    "group": (("B",), _INT),
    "truncated": (("B",), _BOOL),
}


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Sampled responses, right-padded to T tokens, with the verifier's rewards."""

    old_log_probs: Tensor  # (B, T) float32, under the policy that starts this step
    response_mask: Tensor  # (B, T) bool, True on sampled tokens
    rewards: Tensor  # (B,) float32
    group: Tensor  # (B,) int64, which prompt each sample answers
    truncated: Tensor  # (B,) bool, stopped by the length limit rather than by EOS

    def __post_init__(self) -> None:
        """Check shapes and dtypes once, at birth; no hook checks them again."""
        size = dict(zip("BT", self.response_mask.shape, strict=True))
        for field in fields(self):
            tensor, (axes, dtype) = getattr(self, field.name), _LAYOUT[field.name]
            shape = tuple(size[axis] for axis in axes)
            if tensor.shape != shape or tensor.dtype != dtype:
                given = f"{tensor.dtype} {tuple(tensor.shape)}"
                raise ValueError(f"Rollouts.{field.name} is {given}, expected {dtype} {shape}")


@dataclass(frozen=True, slots=True)
class Signal:
    """What a gradient step has to know about each sample. Computed once a step, without grad."""

    advantages: Tensor  # (B,) float32
    response_mask: Tensor  # (B, T) bool, rows of filtered samples blanked

    def __getitem__(self, rows: slice | Tensor) -> Signal:
        """The signal of some samples, for a minibatch or a micro-batch."""
        return Signal(self.advantages[rows], self.response_mask[rows])


@dataclass(frozen=True, slots=True)
class Setup:
    """The static facts about a run that a trick may depend on."""

    group_size: int
    prompts_per_batch: int
    updates_per_rollout: int
    max_response_length: int


def group_mean(values: Tensor, group: Tensor) -> Tensor:
    """Mean of ``values`` (B,) within each sample's group, spread back over (B,)."""
    total, count, index = _sums(values, group)
    return (total / count)[index]


def group_std(values: Tensor, group: Tensor) -> Tensor:
    """Sample deviation (n - 1) of ``values`` (B,) within each sample's group; 0 in a group of one."""
    total, count, index = _sums((values - group_mean(values, group)).square(), group)
    return (total / (count - 1).clamp(min=1)).sqrt()[index]


def _sums(values: Tensor, group: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    index = torch.unique(group, return_inverse=True)[1]  # (B,) 0, 1, ... in place of any ids
    count = torch.bincount(index)
    return values.new_zeros(len(count)).index_add_(0, index, values), count, index
