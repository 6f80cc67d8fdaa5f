"""How far one step may move the probability of a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Setup, Signal


@dataclass(frozen=True, slots=True)
class Clip:
    r"""PPO's clipped surrogate (arXiv:1707.06347, eq. 7), with a bound on each side.

    .. math:: -\min(\rho A,\ \mathrm{clip}(\rho,\ 1-\epsilon_{low},\ 1+\epsilon_{high})\,A)

    Clip-higher (arXiv:2503.14476, eq. 10) raises the upper bound alone, to 0.28.
    """

    clip_ratio_low: float = 0.2
    clip_ratio_high: float = 0.2

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Loss of each token (B, T). Its gradient is zero where the bound binds."""
        ratio = log_ratio.exp()  # (B, T)
        clipped = ratio.clamp(1 - self.clip_ratio_low, 1 + self.clip_ratio_high)
        gain = signal.advantages[:, None]  # (B, 1)
        return -torch.minimum(ratio * gain, clipped * gain)

    def complaints(self, setup: Setup) -> Iterator[str]:
        """Refuse bounds that cannot bind or are out of range."""
        if setup.updates_per_rollout < 2:
            yield "with optim.updates_per_rollout=1 every ratio is 1 and no bound can bind; set it to 2 or more"
        if not 0 <= self.clip_ratio_low <= 1:
            yield f"clip_ratio_low is a distance below 1, between 0 and 1, got {self.clip_ratio_low}"
        if self.clip_ratio_high < 0:
            yield f"clip_ratio_high is a distance above 1, at least 0, got {self.clip_ratio_high}"

    def diagnostics(self, log_ratio: Tensor, signal: Signal) -> dict[str, Tensor]:
        """Tokens whose gradient a bound removes; the sign of the advantage decides which bound can."""
        ratio, gain = log_ratio.exp(), signal.advantages[:, None]
        return {
            "clip_fraction_high": (ratio > 1 + self.clip_ratio_high) & (gain > 0),
            "clip_fraction_low": (ratio < 1 - self.clip_ratio_low) & (gain < 0),
        }
