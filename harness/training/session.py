"""Construction, saving and resuming of a run's training, and its history."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import torch

from harness.checkpoint import LEARNER_FOLDER, MODEL_FILE, manager as random_state
from harness.common import ResourceMeter, ResourceUse, derive_seed, read_json
from harness.engines import ParityProbe, actor_pool, build_engines
from harness.engines.base import Decoding, Diverged, Learner, Sampler, add_step_to_error
from harness.evaluation import compute_eval_metrics, evaluate_set
from harness.records import Evaluation, Evaluations
from harness.rollouts import (
    CountingIterator,
    Prompts,
    RolloutQueue,
    Task,
    build_training_decoding,
    decode_token,
    load_batch,
    save_batch,
)
from harness.training.loop import StepReport, TrainerContext, train_steps

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.config import ExperimentConfig
    from harness.data import Tier
    from harness.rollouts import RunProblems


REPORTS_FILE: Final = "metrics.jsonl"
_EVALUATIONS, _SPENT = "evaluations.json", "spent.json"


@dataclass(slots=True)
class RunHistory:
    """Reports, evaluations by moment ("start", "step 10", "final"), and resource use of a run."""

    reports: list[StepReport] = field(default_factory=list)
    moments: dict[str, Evaluations] = field(default_factory=dict)
    usage: ResourceMeter = field(default_factory=ResourceMeter)

    def save(self, folder: Path) -> None:
        """Write the history into a folder."""
        moments = {when: {name: _plain(one) for name, one in found.items()} for when, found in self.moments.items()}
        (folder / REPORTS_FILE).write_text("".join(map(format_report, self.reports)), encoding="utf-8")
        (folder / _EVALUATIONS).write_text(json.dumps(moments), encoding="utf-8")
        (folder / _SPENT).write_text(json.dumps(asdict(self.usage.spent())), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote; resource use continues from the saved value."""
        lines = (folder / REPORTS_FILE).read_text(encoding="utf-8").splitlines()
        moments = json.loads((folder / _EVALUATIONS).read_text(encoding="utf-8"))
        spent = read_json(ResourceUse, (folder / _SPENT).read_text(encoding="utf-8"))
        return cls(
            [_report(json.loads(text)) for text in lines],
            {when: {name: _evaluation(one) for name, one in found.items()} for when, found in moments.items()},
            ResourceMeter(spent),
        )


def format_report(report: StepReport) -> str:
    """Return a step as a line of the metrics file."""
    return json.dumps({"step": report.step, **report.metrics}) + "\n"


def _report(read: dict[str, Any]) -> StepReport:
    return StepReport(read.pop("step"), read)


def _plain(evaluation: Evaluation) -> dict[str, Any]:
    return {name: np.array(getattr(evaluation, name), dtype=object).tolist() for name in Evaluation.__slots__}


def _evaluation(read: dict[str, Any]) -> Evaluation:
    """Return the evaluation with arrays of shape (N, k)."""
    kinds: dict[str, type] = {
        "right": np.bool_,
        "truncated": np.bool_,
        "lengths": np.int64,
        "answers": object,
        "reasons": object,
    }
    if read.get("scores") is not None:
        kinds["scores"] = np.float64
    arrays: dict[str, Any] = {name: np.array(read[name], dtype=kind) for name, kind in kinds.items()}
    return Evaluation(tuple(read["problem_ids"]), **arrays)


_POSITION: Final = "position.json"


@dataclass(frozen=True, slots=True)
class Position:
    """Progress of a training: steps done, and items taken from the two streams of tasks."""

    steps: int
    tasks: int
    spares: int


@dataclass(frozen=True, slots=True)
class TrainingSession:
    """A policy ready for training. Each step runs when its report is requested."""

    sampler: Sampler
    learner: Learner
    tokenizer: Any
    prompts: Prompts
    tasks: CountingIterator[Task]
    spares: CountingIterator[Task]
    batches: RolloutQueue
    reports: Iterator[StepReport]  # reports of the remaining steps

    def save(self, folder: Path, steps: int) -> None:
        """Write learner and position after ``steps`` steps into a folder.

        Call it after the report of the last of these steps and before the next one is requested.
        """
        (folder / LEARNER_FOLDER).mkdir()
        self.learner.save(folder / LEARNER_FOLDER)
        position = Position(steps, self.tasks.taken, self.spares.taken)
        (folder / _POSITION).write_text(json.dumps(asdict(position)), encoding="utf-8")
        if self.batches.pending:
            save_batch(self.batches.pending, folder)


def build_training(config: ExperimentConfig, tiers: Mapping[str, Tier], saved: Path | None = None) -> TrainingSession:
    """Load the model and prepare the training, or the rest of a saved one.

    No evaluation problem is read.

    Args:
        config: The run's configuration.
        tiers: Name -> problems to train on; empty for arithmetic.
        saved: Folder of a checkpoint of an equal run.

    Returns:
        The training.

    Raises:
        SchemaError: A setting does not fit the model or the machine.
        ModelError: The model cannot be used.
        ParityError: Sampler and learner differ by more than the budget.

    """
    torch.manual_seed(derive_seed(config.seed, "model"))
    sampler, learner, tokenizer = build_engines(config)
    prompts = Prompts(config, tokenizer)
    tasks, spares = map(CountingIterator, prompts.training(tiers))
    done = _position(saved)
    tasks.skip(done.tasks)
    spares.skip(done.spares)
    if saved:
        learner.restore(saved / LEARNER_FOLDER)
        sampler.update_weights(learner.weights())
    context, resumed = _trainer_context(config, sampler, learner, tasks), load_batch(saved) if saved else None
    if context.probe:
        context.probe(sampler, learner)
    batches = RolloutQueue(
        _batches(tasks, config, resumed.step if resumed else done.steps),
        context.drawing(spares),
        steps_ahead=config.rollout.ahead > 0,
        separate_engine=config.backend.vllm is not None,
        resumed_state=resumed,
    )
    return TrainingSession(sampler, learner, tokenizer, prompts, tasks, spares, batches, train_steps(context, batches))


def _trainer_context(
    config: ExperimentConfig, sampler: Sampler, learner: Learner, tasks: CountingIterator[Task]
) -> TrainerContext:
    decoding = build_training_decoding(config)
    return TrainerContext(
        sampler, learner, config.update_rule(), config.reward, decoding, config.seed, _probe(config, decoding, tasks)
    )


def _probe(config: ExperimentConfig, decoding: Decoding, tasks: CountingIterator[Task]) -> ParityProbe | None:
    """Return a probe of the first prompts where the sampler has separate weights."""
    if config.backend.vllm is None:
        return None
    prompts = [task.prompt_ids for task in tasks.peek(config.rollout.prompts_per_batch)]
    return ParityProbe.of(prompts, decoding, config.seed, config.backend.vllm.parity_gap)


def _position(saved: Path | None) -> Position:
    return read_json(Position, (saved / _POSITION).read_text(encoding="utf-8")) if saved else Position(0, 0, 0)


def _batches(tasks: Iterator[Task], config: ExperimentConfig, done: int) -> Iterator[tuple[int, list[Task]]]:
    """Yield number and tasks of each step after ``done``."""
    count = config.rollout.prompts_per_batch
    return ((step, list(islice(tasks, count))) for step in range(done + 1, config.steps + 1))


class RunSession:
    """A run as ``execute`` uses it. ``saved`` is the folder of a checkpoint of an equal run."""

    def __init__(self, config: ExperimentConfig, problems: RunProblems, saved: Path | None = None) -> None:
        self._config = config
        self.history = RunHistory.load(saved) if saved else RunHistory()
        self.training = build_training(config, problems.tiers, saved)
        self.history.usage.add(actor_pool.measure_actor_use)
        self._eval_sets = self.training.prompts.eval_sets(problems.held_out)
        if saved:
            random_state.restore_random_states(saved)

    def reports(self) -> Iterator[StepReport]:
        """Yield the reports of all steps. Step 0 is the first evaluation.

        Reports of steps before the checkpoint are yielded without delay. Raises Diverged, with the step and the way
        out, where a number is not finite.
        """
        yield from tuple(self.history.reports)
        yield from self._placed(self._trained())

    def _trained(self) -> Iterator[StepReport]:
        if not self.history.reports:
            unknown = {"data/unknown": self.training.prompts.unknown(self._eval_sets)}
            yield self._kept(StepReport(0, self._evaluated("start") | self._dropped() | unknown))
        for report in self.training.reports:
            found = report.metrics | self._dropped()
            if self._evaluates(report.step):
                found |= self._evaluated("final" if report.step == self._config.steps else f"step {report.step}")
            yield self._kept(StepReport(report.step, found))

    def _placed(self, reports: Iterator[StepReport]) -> Iterator[StepReport]:
        """Yield the reports; add step and advice to the error of a run that diverges."""
        try:
            yield from reports
        except Diverged as error:
            raise add_step_to_error(error, len(self.history.reports), self._config) from error

    def save(self, folder: Path) -> None:
        """Write a checkpoint of the last reported step into an empty folder."""
        (folder / MODEL_FILE).write_text(json.dumps(asdict(self._config.model)), encoding="utf-8")
        self.training.save(folder, self.history.reports[-1].step)
        self.history.save(folder)
        random_state.save_random_states(folder)

    def clipped_tokens(self) -> str:
        """Return the text of the file with the counts of clipped tokens so far."""
        return self.training.learner.clipped_tokens().to_json(partial(decode_token, self.training.tokenizer))

    def _kept(self, report: StepReport) -> StepReport:
        self.history.reports.append(report)
        return report

    def _evaluates(self, step: int) -> bool:
        every = self._config.eval.every
        return step == self._config.steps or (every > 0 and step % every == 0)

    def _evaluated(self, moment: str) -> dict[str, float]:
        found: Evaluations = {
            eval_set.benchmark: evaluate_set(self.training.sampler, eval_set) for eval_set in self._eval_sets
        }
        self.history.moments[moment] = found
        return compute_eval_metrics(found)

    def _dropped(self) -> dict[str, float]:
        return {"data/too_long": float(self.training.prompts.too_long)}
