"""Reward shaping: terms added to the verifier's reward, bounds on rewards and advantages."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from tricks.statistics import renumber_groups
from tricks.tensors import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Rollouts, Setup


@dataclass(frozen=True, slots=True)
class SoftOverlong:
    """Soft overlong punishment: a linear penalty near the length limit.

    The penalty is 0 up to :math:`L_{max} - L_{cache}` tokens and falls linearly to -1 at :math:`L_{max}`
    (arXiv:2503.14476, eq. 13). DAPO uses 4,096 of 20,480 tokens as cache. The default is the same share of any limit,
    one fifth.
    """

    cache: Annotated[int | None, "tokens over which the punishment grows; null means a fifth of the limit"] = None
    limit: Annotated[int | None, "tokens at which the punishment is full; null means the limit of the run"] = None
    weight: Annotated[float, "the full punishment"] = 1.0

    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        """Return the punishment (B,), between minus ``weight`` and 0."""
        limit = self.limit or rollouts.max_response_length or rollouts.response_mask.shape[1]
        cache = self._cache(limit)
        lengths = rollouts.response_mask.sum(dim=1).to(rollouts.rewards.dtype)
        return self.weight * ((limit - cache - lengths) / cache).clamp(-1.0, 0.0)

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse a cache that does not fit below the limit, and a weight that rewards length."""
        limit = self.limit or setup.max_response_length
        if not 1 <= self._cache(limit) <= limit:
            yield f"cache must be between 1 and the limit of {limit} tokens, got {self._cache(limit)}"
        if not 0 <= self.weight < math.inf:
            yield f"weight must be a finite number of at least 0, got {self.weight}"

    def no_effect_reasons(self, setup: Setup) -> Iterator[str]:
        """Report that no response can be long enough for a punishment."""
        limit = self.limit or setup.max_response_length
        if limit - self._cache(limit) >= setup.max_response_length:
            start = limit - self._cache(limit)
            yield f"punishment begins beyond {start} tokens, rollout.max_response_length is {setup.max_response_length}"

    def _cache(self, limit: int) -> int:
        return max(1, limit // 5) if self.cache is None else self.cache


@dataclass(frozen=True, slots=True)
class LengthReward:
    r"""Length reward: shorter responses of a group score higher.

    .. math:: \lambda = 0.5 - (|o| - min) / (max - min)

    A correct response gets :math:`\lambda`, an incorrect one :math:`\min(0, \lambda)` (arXiv:2501.12599, section
    2.3.3).
    Both get 0 where all responses have the same length. A response is correct when its reward is above 0. The paper
    gives no weight; 0.1 is ours.
    """

    weight: Annotated[float, "weight of the length reward relative to the verifier's reward"] = 0.1

    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        """Return the length reward (B,), between minus and plus half of ``weight``."""
        lengths, index = rollouts.response_mask.sum(dim=1).to(rollouts.rewards.dtype), renumber_groups(rollouts.group)
        size = int(index.max()) + 1
        longest = lengths.new_zeros(size).scatter_reduce_(0, index, lengths, "amax", include_self=False)[index]
        shortest = lengths.new_zeros(size).scatter_reduce_(0, index, lengths, "amin", include_self=False)[index]
        spread = longest - shortest
        share = torch.where(spread > 0, 0.5 - (lengths - shortest) / spread.clamp(min=1), 0.0)
        return self.weight * torch.where(rollouts.rewards > 0, share, share.clamp(max=0.0))

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse a weight that is not finite."""
        if not math.isfinite(self.weight):
            yield f"weight must be a finite number, got {self.weight}"


@dataclass(frozen=True, slots=True)
class FormatReward:
    """Format reward: a bonus for an answer in the requested format.

    Correct and incorrect answers both get it (arXiv:2501.12948, section 2.2.2). The paper gives no value.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"formatted"})

    bonus: Annotated[float, "added where the response has an answer in the requested format; 0.1 is ours"] = 0.1

    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        """Return the bonus or 0 (B,)."""
        assert rollouts.formatted is not None  # the rule has checked it
        return self.bonus * rollouts.formatted.to(rollouts.rewards.dtype)

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse a bonus that is not finite."""
        if not math.isfinite(self.bonus):
            yield f"bonus must be a finite number, got {self.bonus}"


@dataclass(frozen=True, slots=True)
class RewardClip:
    """Clip shaped rewards before normalization, as AReaL does (arXiv:2508.08221, section 2.4).

    ROLL's setting of this name acts after the normalization; that is ``advantage_clip`` here.
    """

    low: Annotated[float, "smallest reward; minus 20 in AReaL"] = -1.0
    high: Annotated[float, "largest reward; 20 in AReaL"] = 1.0

    def clip_rewards(self, rewards: Tensor) -> Tensor:
        """Return rewards (B,) clipped to the bounds."""
        return rewards.clamp(self.low, self.high)

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse bounds in the wrong order."""
        yield from _order(self.low, self.high)


@dataclass(frozen=True, slots=True)
class AdvantageClip:
    """Clip advantages after all normalization (arXiv:2508.08221, section 2.4).

    This is ROLL's ``advantage_clip``.
    """

    low: Annotated[float, "smallest advantage; ROLL gives no default"] = -5.0
    high: Annotated[float, "largest advantage"] = 5.0

    def clip_advantages(self, advantages: Tensor) -> Tensor:
        """Return advantages clipped to the bounds, in the given shape."""
        return advantages.clamp(self.low, self.high)

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse bounds in the wrong order."""
        yield from _order(self.low, self.high)


def _order(low: float, high: float) -> Iterator[str]:
    if not low < high:
        yield f"low must be below high, got low={low} and high={high}"
