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
    """Shaped rewards held within bounds before any normalisation, as AReaL does (arXiv:2508.08221, section 2.4).

    ROLL's setting of the name acts after the normalisation: that is ``advantage_clip``.
    """

    low: Annotated[float, "least reward; minus 20 in AReaL"] = -1.0
    high: Annotated[float, "greatest reward; 20 in AReaL"] = 1.0

    def clip_rewards(self, rewards: Tensor) -> Tensor:
        """Rewards (B,) within the bounds."""
        return rewards.clamp(self.low, self.high)

    def complaints(self, setup: Setup) -> Iterator[str]:
        """Refuse bounds in the wrong order."""
        yield from _order(self.low, self.high)


@dataclass(frozen=True, slots=True)
class AdvantageClip:
    """Advantages held within bounds after all normalisation, ROLL's advantage_clip (arXiv:2508.08221, sec. 2.4)."""

    low: Annotated[float, "least advantage; ROLL gives no default"] = -5.0
    high: Annotated[float, "greatest advantage"] = 5.0

    def clip_advantages(self, advantages: Tensor) -> Tensor:
        """Advantages within the bounds, of the shape given."""
        return advantages.clamp(self.low, self.high)

    def complaints(self, setup: Setup) -> Iterator[str]:
        """Refuse bounds in the wrong order."""
        yield from _order(self.low, self.high)


def _order(low: float, high: float) -> Iterator[str]:
    if not low < high:
        yield f"low must lie below high, got low={low} and high={high}"
