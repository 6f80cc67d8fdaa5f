"""Which samples an update may learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.batch import Rollouts


@dataclass(frozen=True, slots=True)
class OverlongFilter:
    """Leave out responses cut off by the length limit: their reward says little about them.

    Their tokens leave the numerator and the denominator of the loss; their rewards stay in the
    statistics of the advantage, as in ROLL (arXiv:2508.08221, section 4.4, states neither).
    """

    def keep_samples(self, rollouts: Rollouts) -> Tensor:
        """True (B,) for responses that ended by themselves."""
        return ~rollouts.truncated
