"""A rollout batch of a real model, frozen, and the gradients of every rule on it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal

import torch
from torch import Tensor

from harness.common import Stopwatch, derive_seed
from harness.engines import build_torch_engines
from harness.engines.base import Samples, join_scores, number_slices, slice_samples, split_micro_batches
from harness.engines.qwen3 import is_supported, score_samples_compact
from harness.engines.torch import score_samples_hf
from harness.models import load_model
from harness.records import ArmResult
from harness.rollouts import Prompts, RolloutSampler, build_rollouts, build_training_decoding, read_tiers
from harness.training import train
from tricks import (
    PAPER_TRICKS,
    PEER_TRICKS,
    PRESETS,
    TrickError,
    ablate_each_trick,
    compute_token_gradients,
    mask_changes_by_trick,
    select_samples,
)
from tricks.dialects import NO_DIALECT, build_rule
from tricks.io import Document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.config import ExperimentConfig
    from harness.engines.base import Scores
    from tricks import Setup, UpdateRule


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


@dataclass(frozen=True, slots=True)
class FrozenPolicy:
    """A model and the settings with which it scores samples."""

    model: Any
    temperature: float
    micro_batch_tokens: int

    def parts(self, samples: Samples, *, entropy_grad: bool = False) -> Iterator[tuple[slice, Scores]]:
        """Yield rows and scores of the samples, micro-batch by micro-batch."""
        scorer = score_samples_compact if is_supported(self.model) else score_samples_hf
        for rows in split_micro_batches(samples, self.micro_batch_tokens):
            yield rows, scorer(self.model, slice_samples(samples, rows), self.temperature, entropy_grad=entropy_grad)

    @torch.no_grad()
    def scores(self, samples: Samples) -> Scores:
        """Return the scores of all samples, without gradients."""
        return join_scores([scores for _, scores in self.parts(samples)])

    def gradients(self, samples: Samples, pulls: Sequence[ArmGradient]) -> Tensor:
        """Return each loss's gradient (n, P) with respect to the P parameters, by one forward pass."""
        weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        found = torch.zeros(len(pulls), sum(weight.numel() for weight in weights))
        for rows, scores in self.parts(samples, entropy_grad=True):
            for row, pull in enumerate(pulls):
                directions = (pull.log_probs[rows], pull.entropies[rows])
                outputs = (scores.log_probs, scores.entropy)
                parts = torch.autograd.grad(outputs, weights, directions, retain_graph=True, materialize_grads=True)
                found[row] += torch.cat([part.flatten() for part in parts])
        return found


@dataclass(frozen=True, slots=True)
class FrozenBatch:
    """A batch, its samples, and the policy some updates after sampling."""

    batch: Document
    samples: Samples
    policy: FrozenPolicy


def freeze_batch(config: ExperimentConfig) -> FrozenBatch:
    """Train ``config.steps`` steps, sample a batch, and take its updates.

    The ratios of the batch are then different from 1.
    """
    torch.manual_seed(derive_seed(config.seed, "model"))
    model, tokenizer = load_model(config.model.path, getattr(torch, config.model.dtype))
    limits = config.rollout.temperature, config.optim.micro_batch_tokens
    first, policy = FrozenPolicy(deepcopy(model), *limits), FrozenPolicy(model, *limits)
    sampler, learner = build_torch_engines(model, tokenizer, config)
    rule, limit = config.update_rule(), config.rollout.max_response_length
    tasks, _ = Prompts(config, tokenizer).training(read_tiers(config))
    batches = (list(islice(tasks, config.rollout.prompts_per_batch)) for _ in range(config.steps))
    decoding = build_training_decoding(config)
    for _ in train(sampler, learner, rule, config.reward, batches, decoding, config.seed):
        pass
    draw = RolloutSampler(sampler, decoding, config.seed, config.steps + 1, Stopwatch(), config.reward.open_box)
    drawn = draw(list(islice(tasks, config.rollout.prompts_per_batch)))
    old_log_probs, reference = learner.log_probs(drawn.samples), first.scores(drawn.samples).log_probs
    rollouts = build_rollouts(drawn, config.reward, old_log_probs, reference, limit)
    learner.update(drawn.samples, rule.signal(rollouts), rule)
    now, micro = policy.scores(drawn.samples), list(split_micro_batches(drawn.samples, config.optim.micro_batch_tokens))
    return FrozenBatch(Document(rollouts, now.log_probs, now.entropy, number_slices(micro)), drawn.samples, policy)
