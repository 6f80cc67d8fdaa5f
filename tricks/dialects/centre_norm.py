"""AReaL's deviation, which is taken about whatever the normalization subtracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tricks.normalization import Normalize
from tricks.statistics import total, variance

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.batch import Rollouts


@dataclass(frozen=True, slots=True)
class NormalizeAboutCentre(Normalize):
    r"""A deviation about what is subtracted: :math:`\sigma^2 = \sum_i (r_i - \mu_i)^2 / (n - 1)`.

    Differs from a deviation where :math:`\mu_i` is not the mean of the numbers that it is taken of: 0, the mean of the
    batch in a group, or the means of the others.
    """

    stable_name: ClassVar = "norm_about_center"

    def advantages(self, rewards: Tensor, kept: Tensor, rollouts: Rollouts) -> Tensor:
        """Normalize shaped rewards (B,); a reward that equals its centre gives exactly 0."""
        group, weights = self._groups(rollouts.group), self._weights(kept, rollouts)
        values = rewards[:, None].double()
        centre = self._centre(values, weights, group)
        index = group if self.std == "group" else group * 0
        spread = variance(values, weights, index, centre, self.ddof)
        spread = spread.where(total(weights, index) > 1, 1.0)
        return ((values - centre) / (spread.sqrt() + self.eps))[:, 0].to(rewards.dtype)
