r"""Regularization of the policy: KL from a reference policy, and entropy bonus.

The estimators of KL follow Schulman 2020, "Approximating KL Divergence". With :math:`x = \log\pi_{ref} - \log\pi`: k1
is :math:`-x`, k2 is :math:`x^2/2`, k3 is :math:`e^x - 1 - x`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import torch

from tricks.surrogates import clip_to_bound, compute_ratios, max_log_ratio, validate_bound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Rollouts, Setup, Signal


Estimator = Literal["k1", "k2", "k3"]


def estimate(log_ratio: Tensor, estimator: Estimator) -> Tensor:
    """Return the KL estimate of each token from its log-ratio, reference over policy."""
    match estimator:
        case "k1":
            return -log_ratio
        case "k2":
            return log_ratio.square() / 2
        case "k3":
            return clip_to_bound(log_ratio, max_log_ratio(log_ratio)).expm1() - log_ratio


def _validate(trick: KlLoss | KlReward | KlToGo, setup: Setup) -> Iterator[str]:
    """Refuse a coefficient or bound that is out of range."""
    if not 0 <= trick.coef < math.inf:
        yield f"coef weighs a divergence, a finite number of at least 0, got {trick.coef}"
    yield from validate_bound(trick.log_ratio_bound)
    yield from validate_bound(trick.value_bound, "value_bound")


def _no_effect_reasons(trick: KlLoss | KlReward | KlToGo, setup: Setup) -> Iterator[str]:
    """Report that a coefficient of 0 changes nothing."""
    if trick.coef == 0:
        yield "with coef=0 the KL has no weight"


@dataclass(frozen=True, slots=True)
class KlLoss:
    r"""KL loss: a KL estimate is added to the loss of each token (arXiv:2402.03300, eq. 4).

    The gradients of the estimators, as factors of :math:`\nabla\log\pi`: k1 gives 1, which is the gradient of no KL; k2
    gives :math:`-x`, that of the true KL on policy; k3 gives :math:`1 - e^x`. ``gradient=score_function`` multiplies by
    :math:`\pi / \mathrm{sg}(\pi)`, as NeMo-RL does: k3 then has exactly k2's gradient, and k1 has :math:`1 - x`. Beyond
    a bound the gradient is zero. ``gradient=k2`` keeps the value and uses k2's gradient without a bound (verl's "k3+").
    ``gradient=ratio`` multiplies by the importance ratio :math:`\rho = \pi / \pi_{old}` and lets the gradient pass
    through it, as TRL does by default from 1.10.0. The expectation under the old policy is then the KL, and
    the gradient of k3 is :math:`-\rho x`.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"ref_log_probs"})

    coef: Annotated[float, "weight of the KL; 0.04 in DeepSeekMath, 1e-3 in verl"] = 1e-3
    estimator: Annotated[Estimator, "k3 in GRPO, k2 in REINFORCE++-baseline"] = "k3"
    gradient: Annotated[
        Literal["own", "score_function", "k2", "ratio"],
        "the gradient of the loss; ratio also multiplies its value by the importance ratio",
    ] = "own"
    log_ratio_bound: Annotated[float | None, "bound of the log-ratio; 20 in verl and NeMo-RL, none in TRL"] = 20.0
    value_bound: Annotated[float | None, "bound of the estimate; 10 in verl, ROLL and NeMo-RL, none in TRL"] = 10.0

    def token_losses(self, log_probs: Tensor, entropies: Tensor | None, signal: Signal) -> Tensor:
        """Return the weighted KL estimate of each token.

        Args:
            log_probs: log-probs of the current policy (B, T)
            entropies: not used
            signal: the step's signal, with the log-probs of the reference model

        Returns:
            Losses (B, T) to add to the surrogate.

        """
        assert signal.ref_log_probs is not None  # the rule has checked it
        log_ratio = torch.where(signal.response_mask, signal.ref_log_probs - log_probs, 0.0)
        within = clip_to_bound(log_ratio, self.log_ratio_bound)
        value = estimate(within, self.estimator)
        if self.gradient == "score_function":  # NeMo-RL weighs before it clips; clipping removes the whole gradient
            weight = (log_probs - log_probs.detach()).exp()
            value = value * torch.where(within == log_ratio, weight, 1.0)
        value = clip_to_bound(value, self.value_bound)
        if self.gradient == "k2":
            straight = estimate(log_ratio, "k2")  # the bounds apply to the value; verl's k3+ has none here
            value = value.detach() + (straight - straight.detach())
        elif self.gradient == "ratio":
            value = value * self._ratios(log_probs, signal)
        return self.coef * value

    def _ratios(self, log_probs: Tensor, signal: Signal) -> Tensor:
        """Return the importance ratios that multiply the estimates, in a shape like (B, T)."""
        return compute_ratios(torch.where(signal.response_mask, log_probs - signal.old_log_probs, 0.0), None)

    validate = _validate
    no_effect_reasons = _no_effect_reasons


@dataclass(frozen=True, slots=True)
class KlReward:
    r"""KL reward: the KL of a response is subtracted from its reward.

    The added reward is :math:`-\beta \sum_t k_t` (arXiv:2402.14740, section 3).
    """

    needs: ClassVar[frozenset[str]] = frozenset({"ref_log_probs"})

    coef: Annotated[float, "weight of the KL; 0.05 in TRL's RLOO"] = 1e-3
    estimator: Annotated[Estimator, "k1 in RLOO and PPO: as a reward it has the gradient of the true KL"] = "k1"
    log_ratio_bound: Annotated[float | None, "bound of the log-ratio"] = 20.0
    value_bound: Annotated[float | None, "bound of each token's estimate; 10 in verl and ROLL for k3"] = None

    def shape_rewards(self, rollouts: Rollouts) -> Tensor:
        """Return the negative weighted KL of each response (B,), to add to its reward."""
        return -self.coef * _kl(rollouts, self).sum(dim=1)

    validate = _validate
    no_effect_reasons = _no_effect_reasons


@dataclass(frozen=True, slots=True)
class KlToGo:
    r"""KL-to-go: the KL from each token on is subtracted from its advantage (arXiv:2501.03262).

    The added advantage is :math:`-\beta \sum_{s \ge t} k_s`.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"ref_log_probs"})

    coef: Annotated[float, "weight of the KL; OpenRLHF's REINFORCE++ examples use 1e-2 and less"] = 1e-3
    estimator: Annotated[Estimator, "k1 in REINFORCE++"] = "k1"
    log_ratio_bound: Annotated[float | None, "bound of the log-ratio"] = 20.0
    value_bound: Annotated[float | None, "bound of each token's estimate; 10 in OpenRLHF and AReaL"] = None

    def shape_advantages(self, rollouts: Rollouts) -> Tensor:
        """Return the negative weighted KL-to-go of each token (B, T), to add to its advantage."""
        tokens = _kl(rollouts, self)
        return -self.coef * tokens.flip(1).cumsum(dim=1).flip(1)

    validate = _validate
    no_effect_reasons = _no_effect_reasons


def _kl(rollouts: Rollouts, trick: KlReward | KlToGo) -> Tensor:
    assert rollouts.ref_log_probs is not None  # the rule has checked it
    log_ratio = torch.where(rollouts.response_mask, rollouts.ref_log_probs - rollouts.old_log_probs, 0.0)
    return clip_to_bound(estimate(clip_to_bound(log_ratio, trick.log_ratio_bound), trick.estimator), trick.value_bound)


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
