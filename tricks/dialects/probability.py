"""prime-rl's surrogate: a bound on probabilities where others bound ratios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch

from tricks.clipping import ratios

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Setup, Signal


@dataclass(frozen=True, slots=True)
class ProbabilityMask:
    r"""DPPO with binary total variation (arXiv:2602.04879, eqs. 11 to 13), and a pull to the old policy.

    .. math:: -M \rho A + \tau \log^2\rho, \quad
              M = 0 \text{ where } A > 0,\ \pi - \pi_{old} > high \text{ or } A \le 0,\ \pi - \pi_{old} < -low

    The pull acts on every token, masked ones too. In prime-rl :math:`\pi_{old}` is the sampler's probability.
    """

    stable_name: ClassVar = "probability_mask"

    low: Annotated[float, "how far a probability may fall"] = 0.2
    high: Annotated[float, "how far a probability may rise"] = 0.2
    pull: Annotated[float, "weight of the squared log-ratio"] = 1e-3

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Loss of each token (B, T)."""
        kept = ~self._masked(log_ratio, signal)
        return self.pull * log_ratio.square() - kept * ratios(log_ratio, None) * signal.advantages

    def complaints(self, setup: Setup) -> Iterator[str]:
        """Refuse bounds that are out of range."""
        if not min(self.low, self.high, self.pull) >= 0:
            yield f"low, high and pull are at least 0, got {self.low}, {self.high} and {self.pull}"

    def diagnostics(self, log_ratio: Tensor, signal: Signal) -> dict[str, Tensor]:
        """Tokens that the mask leaves the pull alone."""
        return {"probability_masked": self._masked(log_ratio, signal)}

    def _masked(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        old = signal.old_log_probs.masked_fill(~signal.response_mask, 0.0)
        moved = (old + log_ratio.detach()).exp() - old.exp()
        return torch.where(signal.advantages > 0, moved > self.high, moved < -self.low)
