"""The part that only slime computes: a KL loss that is bounded after the importance ratio multiplies it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tricks.regularization import KlLoss
from tricks.surrogates import clip_to_bound, compute_ratios
from tricks.tensors import torch

if TYPE_CHECKING:
    from torch import Tensor

    from tricks.batch import Signal


@dataclass(frozen=True, slots=True)
class BoundedRatioKl(KlLoss):
    r"""KL loss times the importance ratio, with the bound on the product (low_var_kl with use-unbiased-kl).

    .. math:: \mathrm{clip}(\rho\,k,\ -b,\ b)
    """

    stable_name: ClassVar = "bounded_ratio_kl"

    def token_losses(self, log_probs: Tensor, entropies: Tensor | None, signal: Signal) -> Tensor:
        """Return the weighted KL estimate of each token.

        Args:
            log_probs: log-probs of the current policy (B, T)
            entropies: not used
            signal: the step's signal, with the log-probs of the reference model

        Returns:
            Losses (B, T) to add to the surrogate.

        """
        plain = KlLoss(1.0, self.estimator, "own", self.log_ratio_bound, None)
        moved = torch.where(signal.response_mask, log_probs - signal.old_log_probs, 0.0)
        product = compute_ratios(moved, None) * plain.token_losses(log_probs, entropies, signal)
        return self.coef * clip_to_bound(product, self.value_bound)
