"""Parts that only TRL computes: token means of a whole rollout, no ratio, and a KL times the response's ratio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tricks.aggregation import TokenMean
from tricks.regularization import KlLoss
from tricks.surrogates import compute_ratios
from tricks.tensors import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Setup, Signal


@dataclass(frozen=True, slots=True)
class RolloutTokenMean(TokenMean):
    r"""Token mean over the tokens of the rollout, in each of its updates (TRL 0.22.0 to 1.9.0).

    The weight is :math:`w_b = 1 / \sum_j |o_j|` over all responses of the rollout. With one update a rollout it is the
    token mean. With k updates the weights of an update sum to its share of the tokens, about 1 / k.
    """

    stable_name: ClassVar = "rollout_token_mean"

    def formula(self, setup: Setup) -> Iterator[str]:
        """Yield the formula: the divisor is that of all updates of the rollout."""
        yield f"L = sum_it l_it / ({_named(self.count)}{' of the rollout' if setup.updates_per_rollout > 1 else ''})"

    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        """Return weights (B, 1) that sum to one over the counted tokens of all updates of the rollout."""
        return _even(signal, _tokens(signal, self.count))


@dataclass(frozen=True, slots=True)
class MeanTokenMean(TokenMean):
    r"""Token mean whose divisor is the mean number of tokens of the rollout's updates (TRL from 1.9.1).

    The weight is :math:`w_b = k / \sum_j |o_j|` over all responses of a rollout of k updates. The weights of an update
    sum to one only where its responses have as many tokens as those of the other updates.
    """

    stable_name: ClassVar = "mean_token_mean"

    def formula(self, setup: Setup) -> Iterator[str]:
        """Yield the formula: the divisor is a mean over the updates of the rollout."""
        tokens = _named(self.count)
        yield f"L = sum_it l_it / ({tokens if setup.updates_per_rollout == 1 else f'mean {tokens} of an update'})"

    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        """Return weights (B, 1) that sum to k over the counted tokens of all k updates of the rollout."""
        rows = len(signal.response_mask)
        return _even(signal, _tokens(signal, self.count) * rows / (signal.rollout_samples or rows))


def _named(count: str) -> str:
    return "sampled tokens" if count == "all" else "kept tokens"


def _tokens(signal: Signal, count: str) -> float:
    """Return the counted tokens of the rollout, or of these samples where the rollout is not known."""
    kept = signal.response_mask if signal.counted is None else signal.counted
    known = signal.rollout_tokens if count == "all" else signal.rollout_kept_tokens
    return float((signal.sampled_mask if count == "all" else kept).sum()) if known is None else float(known)


def _even(signal: Signal, tokens: float) -> Tensor:
    kept = signal.response_mask.any(dim=1, keepdim=True)
    return (kept.double() / max(tokens, 1.0)).to(signal.old_log_probs.dtype)


@dataclass(frozen=True, slots=True)
class OnPolicyRatio:
    r"""Policy gradient as the ratio to the policy itself (TRL before 0.16.0).

    .. math:: -\frac{\pi}{\mathrm{sg}(\pi)} A

    The value is :math:`-A` and the gradient that of :math:`-A \log\pi`, whatever policy sampled.
    """

    stable_name: ClassVar = "on_policy_ratio"

    def surrogate(self, log_ratio: Tensor, signal: Signal) -> Tensor:
        """Return the loss of each token (B, T)."""
        return -(log_ratio - log_ratio.detach()).exp() * signal.advantages


@dataclass(frozen=True, slots=True)
class ResponseRatioKl(KlLoss):
    r"""KL loss that ``gradient=ratio`` multiplies by the response's ratio (TRL with sequence-level ratios).

    The ratio is GSPO's: :math:`s = \exp(\frac{1}{|o|}\sum_t \log\rho_t)`. It depends on the log-probs of all tokens of
    the response, so each of them gets a gradient from the KL of the others.
    """

    stable_name: ClassVar = "response_ratio_kl"

    def _ratios(self, log_probs: Tensor, signal: Signal) -> Tensor:
        mask = signal.response_mask
        log_ratio = torch.where(mask, log_probs - signal.old_log_probs, 0.0)
        mean = log_ratio.sum(dim=1, keepdim=True) / mask.sum(dim=1, keepdim=True).clamp(min=1)
        return compute_ratios(mean, None)
