"""A rollout batch of a real model, frozen after further updates of its policy."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch

from harness.common.seeds import derive_seed
from harness.common.timing import Stopwatch
from harness.engines.base.log_probs import join_scores
from harness.engines.base.protocols import Samples
from harness.engines.base.samples import number_slices, slice_samples, split_micro_batches
from harness.engines.build import build_torch_engines
from harness.engines.qwen3.forward import is_supported, score_samples_compact
from harness.engines.torch.hf_scores import score_samples_hf
from harness.models.load import load_model
from harness.rollouts.generate import RolloutSampler, build_rollouts
from harness.rollouts.problems import read_tiers
from harness.rollouts.prompts import Prompts, build_training_decoding
from harness.training.loop import train
from tricks.io.document import Document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from harness.config.experiment import ExperimentConfig
    from harness.engines.base.log_probs import Scores
    from harness.replay.arms import ArmGradient


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
