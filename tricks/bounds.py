"""Bounds on rewards and on advantages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Setup


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
