"""Entropy bonus: keeps the policy from becoming deterministic too early."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Setup, Signal


@dataclass(frozen=True, slots=True)
class EntropyBonus:
    r"""Entropy bonus: the policy's entropy at each token is subtracted from its loss.

    The added loss is :math:`-c\,H(\pi(\cdot))` (arXiv:1707.06347, eq. 9).
    """

    needs: ClassVar[frozenset[str]] = frozenset({"entropies"})

    coef: Annotated[float, "weight of the entropy; 1e-3 is common, 0.01 in PPO's Atari runs"] = 1e-3

    def token_losses(self, log_probs: Tensor, entropies: Tensor | None, signal: Signal) -> Tensor:
        """Return the negative weighted entropy of each token.

        Args:
            log_probs: log-probs of the current policy (B, T); not used
            entropies: entropies of the current policy in nats (B, T)
            signal: the step's signal; not used

        Returns:
            Losses (B, T) to add to the surrogate.

        """
        assert entropies is not None  # the rule has checked it
        return -self.coef * entropies

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse a coefficient that is not finite."""
        if not math.isfinite(self.coef):
            yield f"coef must be a finite number, got {self.coef}"

    def no_effect_reasons(self, setup: Setup) -> Iterator[str]:
        """Report that a coefficient of 0 changes nothing."""
        if self.coef == 0:
            yield "with coef=0 the entropy has no weight"
