"""Gradients of every rule on one frozen batch, compared with the baseline's gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import torch
from torch import Tensor

from harness.records.replay import ArmResult
from tricks.api import TrickError
from tricks.batch import select_samples
from tricks.catalog import PAPER_TRICKS, PEER_TRICKS
from tricks.dialects.build import NO_DIALECT, build_rule
from tricks.fired import ablate_each_trick, compute_token_gradients, mask_changes_by_trick
from tricks.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tricks.batch import Setup
    from tricks.io.document import Document
    from tricks.rule import UpdateRule

BASELINE: Final = "vanilla_ppo"


@dataclass(frozen=True, slots=True)
class ReplayArm:
    """A preset, or the baseline with one trick."""

    name: str
    kind: Literal["paper", "peer", "preset"]

    def rule(self, setup: Setup) -> UpdateRule:
        """Return the arm's rule. Raises TrickError where the setup does not allow it."""
        if self.kind == "preset":
            return build_rule(self.name, {}, NO_DIALECT, setup)
        return build_rule(BASELINE, {self.name: {}}, NO_DIALECT, setup)

    @property
    def title(self) -> str:
        """Unique name among all arms; rloo, gspo and cispo are both tricks and presets."""
        return f"preset {self.name}" if self.kind == "preset" else self.name


ARMS: Final = (
    *(ReplayArm(spec.name, "paper") for spec in PAPER_TRICKS),
    *(ReplayArm(spec.name, "peer") for spec in PEER_TRICKS),
    *(ReplayArm(name, "preset") for name in PRESETS),
)


@dataclass(frozen=True, slots=True)
class ArmGradient:
    """Gradient of a loss with respect to the policy's outputs for each token."""

    log_probs: Tensor  # (B, T)
    entropies: Tensor  # (B, T)
    fired: float | None  # share of the sampled tokens whose gradient the arm's trick changes; None for a preset


@dataclass(frozen=True, slots=True)
class ArmGradients:
    """Gradients of the arms on a batch, and the reasons of refused arms by title."""

    by_arm: Mapping[ReplayArm, ArmGradient]
    refused: Mapping[str, str]


def compute_gradients(batch: Document, setup: Setup) -> ArmGradients:
    """Compute the gradient of every arm on the batch, taken as one update."""
    found, refused = dict[ReplayArm, ArmGradient](), dict[str, str]()
    for arm in ARMS:
        try:
            rule = arm.rule(setup)
            found[arm] = ArmGradient(*gradient(rule, batch), None if arm.kind == "preset" else _fired(rule, batch))
        except TrickError as error:
            refused[arm.title] = str(error)
    return ArmGradients(found, refused)


def gradient(rule: UpdateRule, batch: Document) -> tuple[Tensor, Tensor]:
    """Return gradients with respect to log-probabilities and entropies (B, T).

    Groups that the rule's dynamic sampling would replace have gradient 0. Raises TrickError where the batch lacks what
    the rule needs, or where the gradient is not finite.
    """
    if "entropies" in rule.needs and batch.entropies is None:
        raise TrickError("needs entropies, which this batch lacks; add them")
    zeros, rows = torch.zeros_like(batch.log_probs), rule.accepted(batch.rollouts).nonzero()[:, 0]
    if not len(rows) or not (signal := rule.signal(select_samples(batch.rollouts, rows))).response_mask.any():
        return zeros, zeros
    weights = rule.loss_weights(signal, None if batch.micro_batch is None else batch.micro_batch[rows])
    entropies = None if batch.entropies is None else batch.entropies[rows]
    by_log_prob, by_entropy = compute_token_gradients(rule, batch.log_probs[rows], signal, weights, entropies)
    if not by_log_prob.isfinite().all():
        raise TrickError("the gradient is not finite; check log_probs against old_log_probs")
    return zeros.index_copy(0, rows, by_log_prob), zeros if by_entropy is None else zeros.index_copy(
        0, rows, by_entropy
    )


def _fired(rule: UpdateRule, batch: Document) -> float:
    mask = batch.rollouts.response_mask
    tokens = mask & ~rule.accepted(batch.rollouts)[:, None]
    others, signal = ablate_each_trick(rule, batch.rollouts), rule.signal(batch.rollouts)
    for found in mask_changes_by_trick(
        rule, others, batch.log_probs, signal, batch.entropies, batch.micro_batch
    ).values():
        tokens = tokens | found
    return tokens.sum().item() / max(1, int(mask.sum()))


def compare_gradients(
    gradients: Mapping[ReplayArm, Tensor], baseline: Tensor, made: ArmGradients
) -> Iterator[ArmResult]:
    """Compare each arm's gradient with the baseline's.

    Args:
        gradients: Arm -> gradient (P,).
        baseline: (P,), gradient of the baseline.
        made: Result of ``compute_gradients``.

    Yields:
        The comparison of each arm.

    """
    used = int((baseline != 0).sum())
    for arm, found in gradients.items():
        flips = int((found.sign() * baseline.sign() < 0).sum())
        yield ArmResult(
            name=arm.name,
            kind=arm.kind,
            cosine=cosine(found, baseline),
            norm_ratio=(found.double().norm() / baseline.double().norm()).item() if used else None,
            sign_flips=flips / used if used and found.any() else None,
            fired=made.by_arm[arm].fired,
        )


def cosine(one: Tensor, other: Tensor) -> float | None:
    """Return the cosine of the angle between two vectors, in float64; None where one is 0."""
    sizes = one.double().norm() * other.double().norm()
    return (one.double() @ other.double() / sizes).clamp(-1, 1).item() if sizes > 0 else None
