"""Training as a run does it, without its evaluations: model, engines, problems and steps of one config."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import torch

from harness.batch_files import load_batch, save_batch
from harness.batches import Batches
from harness.counted import Counted
from harness.engines.build import engines
from harness.engines.parity import Probe
from harness.engines.protocols import Decoding, Learner, Sampler
from harness.prompts import Prompts, training_decoding
from harness.schema import read_json
from harness.seeding import derive
from harness.tasks import Task
from harness.train import Lesson, StepReport, steps

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.config import ExperimentConfig
    from harness.data.stored import Tier

LEARNER: Final = "learner"  # the folder of its files in a checkpoint
_POSITION: Final = "position.json"


@dataclass(frozen=True, slots=True)
class Position:
    """How far a training is: steps done, and what they took from the two streams of tasks."""

    steps: int
    tasks: int
    spares: int


@dataclass(frozen=True, slots=True)
class Practice:
    """A policy about to be trained. A step is taken when its report is asked for."""

    sampler: Sampler
    learner: Learner
    tokenizer: Any
    prompts: Prompts
    tasks: Counted[Task]
    spares: Counted[Task]
    batches: Batches
    reports: Iterator[StepReport]  # of the steps that are left, up to ``steps``

    def save(self, folder: Path, steps: int) -> None:
        """Write learner and position after so many steps, between the report of the last and the next."""
        (folder / LEARNER).mkdir()
        self.learner.save(folder / LEARNER)
        position = Position(steps, self.tasks.taken, self.spares.taken)
        (folder / _POSITION).write_text(json.dumps(asdict(position)), encoding="utf-8")
        if self.batches.pending:
            save_batch(self.batches.pending, folder)


def practice(config: ExperimentConfig, tiers: Mapping[str, Tier], saved: Path | None = None) -> Practice:
    """Load the model and lay out the training, or what is left of a ``saved`` one. The same errors as ``engines``.

    No evaluation problem is read.
    """
    torch.manual_seed(derive(config.seed, "model"))
    sampler, learner, tokenizer = engines(config)
    prompts = Prompts(config, tokenizer)
    tasks, spares = map(Counted, prompts.training(tiers))
    done = _position(saved)
    tasks.skip(done.tasks)
    spares.skip(done.spares)
    if saved:
        learner.restore(saved / LEARNER)
        sampler.load(learner.weights())
    lesson, kept = _lesson(config, sampler, learner, tasks), load_batch(saved) if saved else None
    if lesson.probe:
        lesson.probe(sampler, learner)
    batches = Batches(
        _batches(tasks, config, kept.step if kept else done.steps),
        lesson.drawing(spares),
        ahead=config.rollout.ahead > 0,
        apart=config.backend.vllm is not None,
        kept=kept,
    )
    return Practice(sampler, learner, tokenizer, prompts, tasks, spares, batches, steps(lesson, batches))


def _lesson(config: ExperimentConfig, sampler: Sampler, learner: Learner, tasks: Counted[Task]) -> Lesson:
    decoding = training_decoding(config)
    return Lesson(
        sampler, learner, config.update_rule(), config.reward, decoding, config.seed, _probe(config, decoding, tasks)
    )


def _probe(config: ExperimentConfig, decoding: Decoding, tasks: Counted[Task]) -> Probe | None:
    """Of the first prompts, where the sampler has weights of its own."""
    if config.backend.vllm is None:
        return None
    prompts = [task.prompt_ids for task in tasks.peek(config.rollout.prompts_per_batch)]
    return Probe.of(prompts, decoding, config.seed, config.backend.vllm.parity_gap)


def _position(saved: Path | None) -> Position:
    return read_json(Position, (saved / _POSITION).read_text(encoding="utf-8")) if saved else Position(0, 0, 0)


def _batches(tasks: Iterator[Task], config: ExperimentConfig, done: int) -> Iterator[tuple[int, list[Task]]]:
    """Of the steps after ``done``, each with its number."""
    count = config.rollout.prompts_per_batch
    return ((step, list(islice(tasks, count))) for step in range(done + 1, config.steps + 1))
