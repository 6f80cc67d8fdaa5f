"""Surrogates of the policy gradient: PPO's clipping, other ratios and no ratio."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from tricks.tensors import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Setup, Signal


ONE_UPDATE_REASON: Final = (
    "with optim.updates_per_rollout=1 every ratio is 1 and no bound can bind; set it to 2 or more"
)


@dataclass(frozen=True, slots=True)
class Clip:
    r"""PPO's clipped surrogate (arXiv:1707.06347, eq. 7), with a separate bound on each side.

    .. math:: -\min(\rho A,\ \mathrm{clip}(\rho,\ 1-\epsilon_{low},\ 1+\epsilon_{high})\,A)

    Clip-higher (arXiv:2503.14476, eq. 10) raises only the upper bound, to 0.28. Dual clip (arXiv:1912.09729, eq. 5)
    bounds the loss of a negative advantage: :math:`\max(\min(\ldots), c A)` for A < 0.
    """

    clip_ratio_low: Annotated[float, "distance of the lower end of the clip range from 1"] = 0.2
    clip_ratio_high: Annotated[float, "distance of the upper end of the clip range from 1; 0.28 in DAPO"] = 0.2
    dual_clip: Annotated[
        float | None, "largest ratio under a negative advantage; 3.0 in verl, where it is always on"
    ] = None
    log_ratio_bound: Annotated[
        float | None, "log-ratios are clipped to plus and minus this, as in verl; none in ROLL"
    ] = 20.0

    @property
    def ratio_range(self) -> tuple[float, float]:
        """The range of token ratios that are not clipped."""
        return 1 - self.clip_ratio_low, 1 + self.clip_ratio_high

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Return the loss of each token (B, T). The gradient is zero where the ratio is clipped."""
        ratio = compute_ratios(log_ratio, self.log_ratio_bound)  # (B, T)
        clipped = ratio.clamp(1 - self.clip_ratio_low, 1 + self.clip_ratio_high)
        gain = torch.minimum(ratio * signal.advantages, clipped * signal.advantages)
        if self.dual_clip is None:
            return -gain
        least = torch.where(signal.advantages < 0, self.dual_clip * signal.advantages, -torch.inf)
        return -torch.maximum(gain, least)

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse bounds that are out of range."""
        yield from validate_clip_range(self.clip_ratio_low, self.clip_ratio_high)
        yield from validate_bound(self.log_ratio_bound)
        if self.dual_clip is not None and not self.dual_clip > 1 + self.clip_ratio_high:
            least = 1 + self.clip_ratio_high
            yield f"dual_clip must be above {least:g}, the upper end of the clip range, got {self.dual_clip}"

    def no_effect_reasons(self, setup: Setup) -> Iterator[str]:
        """Report that no ratio is clipped with one update per rollout, because every ratio is 1."""
        if setup.updates_per_rollout < 2:
            yield ONE_UPDATE_REASON

    def diagnostics(self, log_ratio: Tensor, signal: Signal) -> dict[str, Tensor]:
        """Return masks (B, T) of the tokens whose gradient is removed by each bound.

        The sign of the advantage decides which bound applies.
        """
        ratio = log_ratio.exp()
        high = (ratio > 1 + self.clip_ratio_high) & (signal.advantages > 0)
        low = (ratio < 1 - self.clip_ratio_low) & (signal.advantages < 0)
        if self.dual_clip is None:
            return {"clip_fraction_high": high, "clip_fraction_low": low}
        dual = (ratio > self.dual_clip) & (signal.advantages < 0)
        return {"clip_fraction_high": high, "clip_fraction_low": low, "clip_fraction_dual": dual}


def compute_ratios(log_ratio: Tensor, bound: float | None) -> Tensor:
    """Return the ratios of log-ratios that are clipped to plus and minus ``bound``.

    Without a bound, log-ratios are limited to the range of the float type: the gradient of an infinite ratio would be
    NaN even where the surrogate clips it.
    """
    end = max_log_ratio(log_ratio)
    return clip_to_bound(log_ratio, end if bound is None else min(bound, end)).exp()


def max_log_ratio(log_ratio: Tensor) -> float:
    """Return the largest log-ratio whose ratio times an advantage stays finite.

    It is 80 in float32 and 701 in float64.
    """
    return math.log(torch.finfo(log_ratio.dtype).max) - 8


def clip_to_bound(log_ratio: Tensor, bound: float | None) -> Tensor:
    """Return the numbers clipped to plus and minus ``bound``, or unchanged without a bound."""
    return log_ratio if bound is None else log_ratio.clamp(-bound, bound)


def validate_clip_range(low: float, high: float) -> Iterator[str]:
    """Yield a message for each clip distance that is out of range."""
    if not 0 <= low <= 1:
        yield f"clip_ratio_low must be between 0 and 1, got {low}"
    if not high >= 0:
        yield f"clip_ratio_high must be at least 0, got {high}"


def validate_bound(bound: float | None, setting: str = "log_ratio_bound") -> Iterator[str]:
    """Yield a message if the bound of a log-ratio or of another number is not positive."""
    if bound is not None and not bound > 0:
        yield f"{setting} must be above 0, got {bound}; null turns it off"


@dataclass(frozen=True, slots=True)
class SequenceClip:
    r"""GSPO: one length-normalized ratio per response (arXiv:2507.18071, eqs. 5 and 7).

    .. math:: s_i = \exp\Big(\frac{1}{|o_i|}\sum_t \log\rho_{i,t}\Big)

    The ratio is clipped as in PPO. Every token of a response carries the response's loss, so the sequence mean gives
    GSPO's loss. With advantages per token the gradient follows GSPO-token (eq. 13): the value is the response's ratio.
    """

    clip_ratio_low: Annotated[float, "distance of the lower end of the clip range from 1; GSPO section 5.1"] = 3e-4
    clip_ratio_high: Annotated[float, "distance of the upper end of the clip range from 1; GSPO section 5.1"] = 4e-4
    log_ratio_bound: Annotated[float | None, "the response's log-ratio is clipped to plus and minus this"] = 20.0

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Return the loss (B, T).

        It is equal on all tokens of a response unless advantages differ within the response.
        """
        mean = self._mean(log_ratio, signal)  # (B, 1)
        if signal.advantages.shape[1] > 1:  # the value of the response's ratio, the gradient of the token's
            mean = mean.detach() + (log_ratio - log_ratio.detach())
        ratio = compute_ratios(mean, self.log_ratio_bound)
        clipped = ratio.clamp(1 - self.clip_ratio_low, 1 + self.clip_ratio_high)
        loss = -torch.minimum(ratio * signal.advantages, clipped * signal.advantages)
        return loss.expand_as(log_ratio)

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse bounds that are out of range."""
        yield from validate_clip_range(self.clip_ratio_low, self.clip_ratio_high)
        yield from validate_bound(self.log_ratio_bound)

    def diagnostics(self, log_ratio: Tensor, signal: Signal) -> dict[str, Tensor]:
        """Return masks (B, T) of the tokens in responses whose gradient is removed by each bound."""
        ratio = self._mean(log_ratio, signal).exp().expand_as(log_ratio)
        return {
            "clip_fraction_high": (ratio > 1 + self.clip_ratio_high) & (signal.advantages > 0),
            "clip_fraction_low": (ratio < 1 - self.clip_ratio_low) & (signal.advantages < 0),
        }

    def _mean(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        lengths = signal.response_mask.sum(dim=1, keepdim=True).clamp(min=1)
        return log_ratio.sum(dim=1, keepdim=True) / lengths  # log-ratios are 0 outside the mask


@dataclass(frozen=True, slots=True)
class ClippedWeight:
    r"""CISPO: the ratio is a clipped constant weight (arXiv:2506.13585, eqs. 4 and 5).

    .. math:: -\mathrm{sg}(\mathrm{clip}(\rho, low, high))\, A \log\pi

    No token loses its gradient. ``low`` and ``high`` bound the weight itself. The paper bounds it only from above and
    gives no number; 5.0 is ScaleRL's (arXiv:2510.13786).
    """

    low: Annotated[float, "smallest weight; 0 is no bound"] = 0.0
    high: Annotated[float, "largest weight; 1.28 in verl, 5.0 recommended by TRL and ScaleRL"] = 5.0
    log_ratio_bound: Annotated[float | None, "log-ratios are clipped to plus and minus this"] = 20.0

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Return the loss of each token (B, T)."""
        weight = compute_ratios(log_ratio.detach(), self.log_ratio_bound).clamp(self.low, self.high)
        log_probs = log_ratio + torch.where(signal.response_mask, signal.old_log_probs, 0.0)
        return -weight * signal.advantages * log_probs

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse bounds that are out of range."""
        if not 0 <= self.low < self.high:
            yield f"low and high must satisfy 0 <= low < high, got low={self.low} and high={self.high}"
        yield from validate_bound(self.log_ratio_bound)

    def diagnostics(self, log_ratio: Tensor, signal: Signal) -> dict[str, Tensor]:
        """Return the mask (B, T) of tokens whose weight is clipped; they keep a gradient."""
        ratio = log_ratio.exp()
        return {"weight_clipped": (ratio > self.high) | (ratio < self.low)}


@dataclass(frozen=True, slots=True)
class PolicyGradient:
    r"""REINFORCE: loss :math:`-A \log\pi` without a ratio.

    Williams 1992; arXiv:2402.14740, section 3.
    """

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Return the loss of each token (B, T)."""
        log_probs = log_ratio + torch.where(signal.response_mask, signal.old_log_probs, 0.0)
        return -signal.advantages * log_probs

    def no_effect_reasons(self, setup: Setup) -> Iterator[str]:
        """Report that PPO's loss has the same gradient with one update per rollout."""
        if setup.updates_per_rollout < 2:
            yield ONE_UPDATE_REASON.replace("no bound can bind", "the gradient is that of the clipped ratio")
