"""GSPO where advantages differ within a response: two gradients that differ from GSPO-token's.

``SequenceClip`` follows GSPO-token (arXiv:2507.18071, eq. 13), as verl does: the ratio has the response's value and the
token's gradient. The other frameworks read the ratio of the response itself. All agree where a response has one
advantage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import torch

from tricks.clipping import ratios
from tricks.ratios import SequenceClip

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.batch import Signal


@dataclass(frozen=True, slots=True)
class ResponseClip(SequenceClip):
    r"""GSPO with the gradient of the response's ratio (TRL, ROLL, OpenRLHF, NeMo-RL, slime).

    With :math:`s` the ratio of the response and :math:`A_t` the advantages of its tokens, the loss of a token is
    :math:`-\min(s A_t,\ \mathrm{clip}(s) A_t)`, and every token's log-prob moves :math:`s`.
    """

    stable_name: ClassVar = "response_clip"

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Loss of each token (B, T)."""
        ratio = ratios(self._mean(log_ratio, signal), self.log_ratio_bound)  # (B, 1)
        clipped = ratio.clamp(1 - self.clip_ratio_low, 1 + self.clip_ratio_high)
        loss = -torch.minimum(ratio * signal.advantages, clipped * signal.advantages)
        return loss.expand_as(log_ratio)


@dataclass(frozen=True, slots=True)
class ResponseMeanClip(ResponseClip):
    """GSPO whose advantage is the mean of the response's advantages (AReaL)."""

    stable_name: ClassVar = "response_mean_clip"

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Loss (B, T), the same on every token of a response."""
        return ResponseClip.surrogate(self, log_ratio, _averaged(signal))

    def diagnostics(self, log_ratio: Tensor, signal: Signal) -> dict[str, Tensor]:
        """Tokens of responses whose gradient a bound removes."""
        return SequenceClip.diagnostics(self, log_ratio, _averaged(signal))


def _averaged(signal: Signal) -> Signal:
    """The signal with one advantage a response, the mean over its kept tokens."""
    if signal.advantages.shape[1] == 1:
        return signal
    mask = signal.response_mask
    sums = torch.where(mask, signal.advantages, 0.0).sum(dim=1, keepdim=True)
    return replace(signal, advantages=sums / mask.sum(dim=1, keepdim=True).clamp(min=1))
