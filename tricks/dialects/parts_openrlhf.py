"""Parts that only OpenRLHF computes: a gate on the mean weight of a response, and a KL weighed by a capped ratio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from tricks.importance import TruncatedImportance
from tricks.regularization import KlLoss, estimate
from tricks.surrogates import clip_to_bound, compute_ratios
from tricks.tensors import torch

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.batch import Rollouts, Signal

LARGEST_WEIGHT: Final = 10.0  # of the ratio that weighs the KL's gradient


@dataclass(frozen=True, slots=True)
class MeanGate(TruncatedImportance):
    r"""Token weights of the responses whose geometric mean weight is within the bounds (seq-mask-tis).

    The weight of a token is :math:`\pi_{learner} / \pi_{sampler}`, not truncated. All tokens of a response have weight
    0 where the geometric mean of its weights is below ``floor`` or above ``cap``. Denominators still count them.
    """

    stable_name: ClassVar = "mean_gate"

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        """Return the weight of each token's loss (B, T)."""
        assert rollouts.sampler_log_probs is not None  # the rule has checked it
        gap = torch.where(rollouts.response_mask, rollouts.old_log_probs - rollouts.sampler_log_probs, 0.0)
        lengths = rollouts.response_mask.sum(dim=1, keepdim=True).clamp(min=1)
        mean = (gap.sum(dim=1, keepdim=True) / lengths).exp()
        within = (mean >= self.floor) & (mean <= self.cap)
        return compute_ratios(gap, None) * within


@dataclass(frozen=True, slots=True)
class WeightedKlLoss(KlLoss):
    r"""KL loss with the value of its estimator and the gradient of k2, times the ratio (unbiased_gradient).

    With :math:`w = \min(\pi / \pi_{old}, 10)` and :math:`x = \log\pi - \log\pi_{ref}` the gradient of a token is
    :math:`w\,x\,\nabla\log\pi`, without a bound. With one update per rollout w is 1.
    """

    stable_name: ClassVar = "weighted_kl_loss"

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
        mask = signal.response_mask
        log_ratio = torch.where(mask, signal.ref_log_probs - log_probs, 0.0)
        value = clip_to_bound(
            estimate(clip_to_bound(log_ratio, self.log_ratio_bound), self.estimator), self.value_bound
        )
        moved = torch.where(mask, log_probs - signal.old_log_probs, 0.0).detach()
        straight = compute_ratios(moved, None).clamp(max=LARGEST_WEIGHT) * estimate(log_ratio, "k2")
        return self.coef * (value.detach() + (straight - straight.detach()))
