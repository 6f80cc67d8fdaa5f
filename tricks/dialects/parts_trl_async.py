"""The clip of TRL's asynchronous trainer, whose ratio is to the policy that sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tricks.formula_parts import number
from tricks.surrogates import Clip
from tricks.tensors import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Setup, Signal


@dataclass(frozen=True, slots=True)
class SamplerClip(Clip):
    r"""PPO's clipped surrogate with the ratio to the sampler's log-probs (TRL's AsyncGRPOTrainer).

    .. math:: -\min(\rho A,\ \mathrm{clip}(\rho,\ 1-\epsilon_{low},\ 1+\epsilon_{high})\,A),
              \quad \rho = \pi / \pi_{sampler}

    The ratio holds the staleness of a response and the gap between engine and trainer. It is to the old policy if a
    batch has no log-probs of the sampler.
    """

    stable_name: ClassVar = "sampler_clip"
    from_sampler: ClassVar = True

    def formula(self, setup: Setup) -> Iterator[str]:
        """Yield the formula: the ratio is to the sampler."""
        low, high = self.ratio_range
        yield "rho_it = pi(o_it) / pi_sampler(o_it)"
        yield f"l_it = -min(rho_it A_i, clip(rho_it, {number(low)}, {number(high)}) A_i)"

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Return the loss of each token (B, T). The gradient is zero where the ratio is clipped."""
        return Clip.surrogate(self, log_ratio + _from_old(signal), signal)

    def no_effect_reasons(self, setup: Setup) -> Iterator[str]:
        """Report nothing: the ratio to the sampler differs from 1 at the first update too."""
        yield from ()

    def diagnostics(self, log_ratio: Tensor, signal: Signal) -> dict[str, Tensor]:
        """Return masks (B, T) of the tokens whose gradient is removed by each bound."""
        return Clip.diagnostics(self, log_ratio + _from_old(signal), signal)


def _from_old(signal: Signal) -> Tensor:
    """Return the log-ratio (B, T) of the old policy to the sampler, 0 where a batch has no log-probs of the sampler."""
    if signal.sampler_log_probs is None:
        return torch.zeros_like(signal.old_log_probs)
    return torch.where(signal.response_mask, signal.old_log_probs - signal.sampler_log_probs, 0.0)
