"""Updates of a step: minibatches, learning rate and metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from harness.engines.base.protocols import CLIP_METRICS, ClippedTokens
from harness.engines.base.samples import split_minibatches
from tricks import mask_changes_by_trick

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set as AbstractSet

    from torch import Tensor

    from harness.config import OptimConfig
    from harness.engines.base.log_probs import Scores
    from harness.engines.base.protocols import Samples
    from tricks import AblatedRule, Signal, UpdateRule


@dataclass(slots=True)
class UpdateMetrics:
    """Metrics of one update.

    An update without a kept token has loss and gradient 0 and counts as skipped.
    """

    kept: int  # tokens that the update learns from
    tokens: int  # tokens of all its responses
    by_token: ClippedTokens  # the learner's counts over all updates
    loss: float = 0.0
    grad_norm: float = 0.0  # before clipping
    lr: float = 0.0
    entropy: float = 0.0  # nats, summed over all response tokens
    ratio_max: float = 0.0
    clipped: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CLIP_METRICS, 0.0))  # tokens
    fired: dict[str, float] = field(default_factory=dict)  # share of all tokens, by trick

    @torch.no_grad()
    def add(self, loss: Tensor, scores: Scores, signal: Signal, rule: UpdateRule, ids: Tensor) -> None:
        """Add a micro-batch.

        Args:
            loss: Scalar, the micro-batch's part of the update's loss.
            scores: Log-probabilities and entropies (B, T) under the policy.
            signal: Advantages and masks of the same samples.
            rule: The update rule.
            ids: (B, T) int64, sampled tokens.

        """
        self.loss += loss.item()
        self.entropy += scores.entropy.sum().item()
        log_ratio = rule.log_ratio(scores.log_probs, signal)
        self.ratio_max = max(self.ratio_max, log_ratio.max().exp().item())
        masks = rule.diagnostics(scores.log_probs, signal)
        for name in self.clipped.keys() & masks.keys():
            self.clipped[name] += masks[name].sum().item()
        self.by_token.add(ids, signal.response_mask, masks)

    def compare(
        self, scores: Scores, signal: Signal, micro_batch: Tensor, rule: UpdateRule, ablated: Sequence[AblatedRule]
    ) -> None:
        """Record on which share of the update's tokens each trick changes the gradient.

        Args:
            scores: Log-probabilities and entropies (B, T) of the whole update.
            signal: Advantages and masks of the same samples.
            micro_batch: (B,) int64, number of each sample's micro-batch.
            rule: The update rule.
            ablated: Rule and signal without one trick each.

        """
        moved = mask_changes_by_trick(rule, ablated, scores.log_probs, signal, scores.entropy, micro_batch)
        self.fired = {name: tokens.sum().item() / self.tokens for name, tokens in moved.items()}

    def share(self, name: str) -> float:
        """Return the share of the kept tokens that the bound of that name clips."""
        return self.clipped[name] / max(self.kept, 1)


def average_updates(updates: Sequence[UpdateMetrics]) -> Mapping[str, float]:
    """Return the means over the updates of a step.

    ``harness.rollouts.metrics`` names the metrics that are a maximum, a sum or a last value instead.
    """
    return {
        "update/loss": _mean([update.loss for update in updates]),
        "update/grad_norm": _mean([update.grad_norm for update in updates]),
        **{f"update/{name}": _mean([update.share(name) for update in updates]) for name in CLIP_METRICS},
        "update/ratio_max": max(update.ratio_max for update in updates),
        "update/skipped": float(sum(update.kept == 0 for update in updates)),
        "update/lr": updates[-1].lr,
        "policy/entropy": _mean([update.entropy / update.tokens for update in updates]),
        **{f"fired/{name}": _mean([update.fired[name] for update in updates]) for name in updates[0].fired},
    }


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def plan_minibatches(samples: Samples, optim: OptimConfig) -> list[slice]:
    """Return the samples of each update of an epoch: whole groups, as even as possible."""
    wanted = optim.updates_per_rollout // optim.epochs
    return split_minibatches(
        samples, min(wanted, len(samples.prompt_ids))
    )  # a batch may hold fewer prompts than planned


def compute_learning_rate(optim: OptimConfig, updates: int) -> float:
    """Return the learning rate after ``updates`` updates: linear warm-up, then constant."""
    return optim.lr * min(1.0, (updates + 1) / (optim.warmup_steps + 1))


def check_rule_inputs(rule: UpdateRule, needs: AbstractSet[str]) -> None:
    """Raise ValueError for a rule that needs more than the learner was constructed with."""
    if "entropies" in rule.needs - needs:
        raise ValueError("this rule needs entropies with a gradient; construct the learner with needs={'entropies'}")
