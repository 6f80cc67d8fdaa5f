"""Training as a run does it, without its evaluations: model, engines, problems and steps of one config."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch

from harness.engines.build import build
from harness.engines.protocols import Learner, Sampler
from harness.models.load import load_model
from harness.prompts import Prompts, training_decoding
from harness.seeding import derive
from harness.train import StepReport, train

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.config import ExperimentConfig
    from harness.data.stored import Tier
    from harness.tasks import Task


@dataclass(frozen=True, slots=True)
class Practice:
    """A policy about to be trained. A step is taken when its report is asked for."""

    sampler: Sampler
    learner: Learner
    tokenizer: Any
    prompts: Prompts
    reports: Iterator[StepReport]  # of steps 1 to ``steps``


def practice(config: ExperimentConfig, tiers: Mapping[str, Tier]) -> Practice:
    """Load the model and lay out the training. No evaluation problem is read. The same errors as ``build``."""
    torch.manual_seed(derive(config.seed, "model"))
    model, tokenizer = load_model(config.model.path, getattr(torch, config.model.dtype))
    sampler, learner = build(model, tokenizer, config)
    prompts = Prompts(config, tokenizer)
    tasks, spares = prompts.training(tiers)
    batches, decoding = _batches(tasks, config), training_decoding(config)
    reports = train(sampler, learner, config.update_rule(), config.reward, batches, decoding, config.seed, spares)
    return Practice(sampler, learner, tokenizer, prompts, reports)


def _batches(tasks: Iterator[Task], config: ExperimentConfig) -> Iterator[list[Task]]:
    return (list(islice(tasks, config.rollout.prompts_per_batch)) for _ in range(config.steps))
