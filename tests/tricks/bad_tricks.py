"""One trick for each clause of the contract, that breaks this clause and no other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tricks.batch import Rollouts, Setup, Signal


@dataclass(frozen=True)
class FailsOnABatchOfOne:
    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        if len(rollouts.rewards) == 1:
            raise ValueError("too small")
        return ~rollouts.truncated


@dataclass(frozen=True)
class ReadsWhatItDidNotAskFor:
    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        return rollouts.formatted.to(rollouts.rewards.dtype)  # type: ignore[union-attr]


@dataclass(frozen=True)
class ReturnsOnePerToken:
    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        return signal.response_mask / signal.response_mask.sum().clamp(min=1).to(signal.old_log_probs.dtype)


@dataclass(frozen=True)
class ReturnsNumbersForAMask:
    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        return rollouts.rewards


@dataclass(frozen=True)
class DividesByZero:
    def advantages(self, rewards: Tensor, kept: Tensor, rollouts: Rollouts) -> Tensor:
        return (rewards - rewards.mean()) / rewards.var(correction=0).sqrt()


class Counter:
    calls = 0


@dataclass(frozen=True)
class Remembers:
    """A tenth of a millionth a call: enough to differ, too little for the clauses that allow for rounding."""

    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        Counter.calls += 1
        return torch.full_like(rollouts.rewards, 1e-9 * Counter.calls)


@dataclass(frozen=True)
class ChangesItsInput:
    def advantages(self, rewards: Tensor, kept: Tensor, rollouts: Rollouts) -> Tensor:
        return rollouts.old_log_probs.mul_(0).sum(dim=1) + rewards


@dataclass(frozen=True)
class AssumesContiguousGroups:
    def advantages(self, rewards: Tensor, kept: Tensor, rollouts: Rollouts) -> Tensor:
        if len(rewards) % 4:
            return rewards
        grouped = rewards.view(-1, 4)
        return (grouped - grouped.mean(1, keepdim=True)).reshape(-1)


@dataclass(frozen=True)
class CountsWithGroupIds:
    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        return 0.1 * rollouts.group.to(rollouts.rewards.dtype)


@dataclass(frozen=True)
class SumsOverPadding:
    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        return rollouts.old_log_probs.sum(dim=1)


@dataclass(frozen=True)
class DividesByItsMicroBatch:
    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        return -log_ratio.exp() * signal.advantages / log_ratio.exp().mean()


@dataclass(frozen=True)
class CutsTheGradient:
    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        return -log_ratio.detach().exp() * signal.advantages


@dataclass(frozen=True)
class PaysForNothing:
    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        return torch.ones_like(signal.old_log_probs[:, :1])


@dataclass(frozen=True)
class HidesASetting:
    share: float = field(default=0.5, repr=False)

    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        return self.share * rollouts.rewards


@dataclass(frozen=True)
class ComplainsInNumbers:
    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        return ~rollouts.truncated

    def validate(self, setup: Setup) -> Any:
        return [setup.group_size]


@dataclass(frozen=True)
class CountsWhereItShouldMark:
    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        return -log_ratio.exp() * signal.advantages

    def diagnostics(self, log_ratio: Tensor, signal: Signal) -> dict[str, Tensor]:
        return {"moved": (log_ratio != 0).sum(dim=1)}


BAD = {
    "runs": FailsOnABatchOfOne,
    "needs": ReadsWhatItDidNotAskFor,
    "shape": ReturnsOnePerToken,
    "dtype": ReturnsNumbersForAMask,
    "finite": DividesByZero,
    "pure": Remembers,
    "input": ChangesItsInput,
    "order": AssumesContiguousGroups,
    "groups": CountsWithGroupIds,
    "padding": SumsOverPadding,
    "rows": DividesByItsMicroBatch,
    "gradient": CutsTheGradient,
    "weights": PaysForNothing,
    "settings": HidesASetting,
    "sentences": ComplainsInNumbers,
    "diagnostics": CountsWhereItShouldMark,
}
