"""What is added to the verifier's reward."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch

from tricks.statistics import segments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Rollouts, Setup


@dataclass(frozen=True, slots=True)
class SoftOverlong:
    r"""Soft overlong punishment (arXiv:2503.14476, eq. 13): 0 up to :math:`L_{max} - L_{cache}`, then linearly to -1.

    DAPO has 4,096 of 20,480 tokens as cache, a fifth, which is the default share of any limit.
    """

    cache: Annotated[int | None, "tokens over which the punishment grows; null is a fifth of the limit"] = None
    limit: Annotated[int | None, "tokens from which it is whole; null is the limit of the run"] = None
    weight: Annotated[float, "the whole punishment"] = 1.0

    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        """Minus weight to 0 (B,)."""
        limit = self.limit or rollouts.max_response_length or rollouts.response_mask.shape[1]
        cache = self._cache(limit)
        lengths = rollouts.response_mask.sum(dim=1).to(rollouts.rewards.dtype)
        return self.weight * ((limit - cache - lengths) / cache).clamp(-1.0, 0.0)

    def complaints(self, setup: Setup) -> Iterator[str]:
        """Refuse a cache that does not fit below the limit, and a weight that rewards length."""
        limit = self.limit or setup.max_response_length
        if not 1 <= self._cache(limit) <= limit:
            yield f"cache is a part of the {limit} tokens of the limit, at least 1, got {self._cache(limit)}"
        if not 0 <= self.weight < torch.inf:
            yield f"weight is the whole punishment, a finite number of at least 0, got {self.weight}"

    def inert(self, setup: Setup) -> Iterator[str]:
        """Nothing is punished where no response can be long enough."""
        limit = self.limit or setup.max_response_length
        if limit - self._cache(limit) >= setup.max_response_length:
            start = limit - self._cache(limit)
            yield f"punishment begins beyond {start} tokens, rollout.max_response_length is {setup.max_response_length}"

    def _cache(self, limit: int) -> int:
        return max(1, limit // 5) if self.cache is None else self.cache


@dataclass(frozen=True, slots=True)
class LengthReward:
    r"""Shorter than the others of the group is better (arXiv:2501.12599, section 2.3.3).

    .. math:: \lambda = 0.5 - (|o| - min) / (max - min)

    added for a right response, and :math:`\min(0, \lambda)` for a wrong one; 0 where all are equally long. A response
    is right when its reward is above 0. The paper gives no weight; 0.1 is ours.
    """

    weight: Annotated[float, "of the length reward beside the verifier's"] = 0.1

    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        """Between minus and plus half the weight (B,)."""
        lengths, index = rollouts.response_mask.sum(dim=1).to(rollouts.rewards.dtype), segments(rollouts.group)
        size = int(index.max()) + 1
        longest = lengths.new_zeros(size).scatter_reduce_(0, index, lengths, "amax", include_self=False)[index]
        shortest = lengths.new_zeros(size).scatter_reduce_(0, index, lengths, "amin", include_self=False)[index]
        spread = longest - shortest
        share = torch.where(spread > 0, 0.5 - (lengths - shortest) / spread.clamp(min=1), 0.0)
        return self.weight * torch.where(rollouts.rewards > 0, share, share.clamp(max=0.0))

    def complaints(self, setup: Setup) -> Iterator[str]:
        """Refuse a weight that no reward can carry."""
        if not math.isfinite(self.weight):
            yield f"weight is that of a reward, a finite number, got {self.weight}"


@dataclass(frozen=True, slots=True)
class FormatReward:
    """A bonus for an answer in the asked form, right or wrong (arXiv:2501.12948, section 2.2.2, without a value)."""

    needs: ClassVar[frozenset[str]] = frozenset({"formatted"})

    bonus: Annotated[float, "added where the response holds an answer in the asked form; 0.1 is ours"] = 0.1

    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        """The bonus or 0 (B,)."""
        assert rollouts.formatted is not None  # the rule has checked it
        return self.bonus * rollouts.formatted.to(rollouts.rewards.dtype)

    def complaints(self, setup: Setup) -> Iterator[str]:
        """Refuse a bonus that no reward can carry."""
        if not math.isfinite(self.bonus):
            yield f"bonus is added to a reward, a finite number, got {self.bonus}"
