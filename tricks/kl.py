r"""Divergence from a reference policy, by three estimators on the sampled token (Schulman 2020, "Approximating KL").

With :math:`x = \log\pi_{ref} - \log\pi`: k1 is :math:`-x`, k2 is :math:`x^2/2`, k3 is :math:`e^x - 1 - x`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import torch

from tricks.clipping import bounded, floats_end, refuse_bound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Rollouts, Setup, Signal

Estimator = Literal["k1", "k2", "k3"]


def estimate(log_ratio: Tensor, estimator: Estimator) -> Tensor:
    """The estimator's value for each token; ``log_ratio`` is the reference's log-prob minus the policy's."""
    match estimator:
        case "k1":
            return -log_ratio
        case "k2":
            return log_ratio.square() / 2
        case "k3":
            return bounded(log_ratio, floats_end(log_ratio)).expm1() - log_ratio


@dataclass(frozen=True, slots=True)
class KlLoss:
    r"""A divergence added to the loss of each token (arXiv:2402.03300, eq. 4).

    The gradients these losses really have, as factors of :math:`\nabla\log\pi`: k1 gives 1, which is no divergence's;
    k2 gives :math:`-x`, that of the true divergence on policy; k3 gives :math:`1 - e^x`. ``gradient=score_function``
    multiplies by :math:`\pi / \mathrm{sg}(\pi)`, as NeMo-RL does: k3 then has k2's gradient exactly, and k1 has
    :math:`1 - x`; beyond a bound there is none. ``gradient=k2`` keeps the value and takes k2's gradient, which no bound
    holds (verl's "k3+").
    """

    needs: ClassVar[frozenset[str]] = frozenset({"ref_log_probs"})

    coef: Annotated[float, "weight of the divergence; 0.04 in DeepSeekMath, 1e-3 in verl"] = 1e-3
    estimator: Annotated[Estimator, "k3 in GRPO, k2 in REINFORCE++-baseline"] = "k3"
    gradient: Annotated[Literal["own", "score_function", "k2"], "whose gradient the loss has"] = "own"
    log_ratio_bound: Annotated[float | None, "bound of the log-ratio; 20 in verl and NeMo-RL, none in TRL"] = 20.0
    value_bound: Annotated[float | None, "bound of the estimate; 10 in verl, ROLL and NeMo-RL, none in TRL"] = 10.0

    def token_losses(self, log_probs: Tensor, entropies: Tensor | None, signal: Signal) -> Tensor:
        """Weighted divergence (B, T) of each token."""
        assert signal.ref_log_probs is not None  # the rule has checked it
        log_ratio = torch.where(signal.response_mask, signal.ref_log_probs - log_probs, 0.0)
        within = bounded(log_ratio, self.log_ratio_bound)
        value = estimate(within, self.estimator)
        if self.gradient == "score_function":  # NeMo-RL weighs before it bounds, and a bound takes the whole gradient
            weight = (log_probs - log_probs.detach()).exp()
            value = value * torch.where(within == log_ratio, weight, 1.0)
        value = bounded(value, self.value_bound)
        if self.gradient == "k2":
            straight = estimate(log_ratio, "k2")  # the bounds are of the value, and verl's k3+ has none here
            value = value.detach() + (straight - straight.detach())
        return self.coef * value

    def complaints(self, setup: Setup) -> Iterator[str]:
        """Refuse a weight or bound that is out of range."""
        yield from _refuse_coef(self.coef)
        yield from refuse_bound(self.log_ratio_bound)
        yield from refuse_bound(self.value_bound, "value_bound")

    def inert(self, setup: Setup) -> Iterator[str]:
        """A weight of 0 adds nothing."""
        yield from _nothing(self.coef)


@dataclass(frozen=True, slots=True)
class KlReward:
    r"""The divergence of a response taken from its reward, :math:`-\beta \sum_t k_t` (arXiv:2402.14740, section 3)."""

    needs: ClassVar[frozenset[str]] = frozenset({"ref_log_probs"})

    coef: Annotated[float, "weight of the divergence; 0.05 is TRL's RLOO"] = 1e-3
    estimator: Annotated[Estimator, "k1 in RLOO and PPO: as a reward its gradient is the true divergence's"] = "k1"
    log_ratio_bound: Annotated[float | None, "bound of the log-ratio"] = 20.0
    value_bound: Annotated[float | None, "bound of each token's estimate; 10 in verl and ROLL for k3"] = None

    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        """What each sample (B,) loses."""
        return -self.coef * _divergence(rollouts, self).sum(dim=1)

    def complaints(self, setup: Setup) -> Iterator[str]:
        """Refuse a weight or bound that is out of range."""
        yield from _refuse_coef(self.coef)
        yield from refuse_bound(self.log_ratio_bound)
        yield from refuse_bound(self.value_bound, "value_bound")

    def inert(self, setup: Setup) -> Iterator[str]:
        """A weight of 0 takes nothing."""
        yield from _nothing(self.coef)


@dataclass(frozen=True, slots=True)
class KlToGo:
    r"""The divergence to go, taken from each advantage: :math:`-\beta \sum_{s \ge t} k_s` (arXiv:2501.03262)."""

    needs: ClassVar[frozenset[str]] = frozenset({"ref_log_probs"})

    coef: Annotated[float, "weight of the divergence; OpenRLHF's REINFORCE++ examples use 1e-2 and less"] = 1e-3
    estimator: Annotated[Estimator, "k1 in REINFORCE++"] = "k1"
    log_ratio_bound: Annotated[float | None, "bound of the log-ratio"] = 20.0
    value_bound: Annotated[float | None, "bound of each token's estimate; 10 in OpenRLHF and AReaL"] = None

    def shape_advantages(self, rollouts: Rollouts) -> Tensor:
        """What each token's advantage (B, T) loses."""
        tokens = _divergence(rollouts, self)
        return -self.coef * tokens.flip(1).cumsum(dim=1).flip(1)

    def complaints(self, setup: Setup) -> Iterator[str]:
        """Refuse a weight or bound that is out of range."""
        yield from _refuse_coef(self.coef)
        yield from refuse_bound(self.log_ratio_bound)
        yield from refuse_bound(self.value_bound, "value_bound")

    def inert(self, setup: Setup) -> Iterator[str]:
        """A weight of 0 takes nothing."""
        yield from _nothing(self.coef)


def _divergence(rollouts: Rollouts, trick: KlReward | KlToGo) -> Tensor:
    assert rollouts.ref_log_probs is not None  # the rule has checked it
    log_ratio = torch.where(rollouts.response_mask, rollouts.ref_log_probs - rollouts.old_log_probs, 0.0)
    return bounded(estimate(bounded(log_ratio, trick.log_ratio_bound), trick.estimator), trick.value_bound)


def _refuse_coef(coef: float) -> Iterator[str]:
    if not 0 <= coef < math.inf:
        yield f"coef weighs a divergence, a finite number of at least 0, got {coef}"


def _nothing(coef: float) -> Iterator[str]:
    if coef == 0:
        yield "with coef=0 the divergence has no weight"
