"""One cell with one seed, start to end: build, train, evaluate, record."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import islice
from typing import TYPE_CHECKING

import torch
import yaml

from harness.config import ExperimentConfig
from harness.engines.build import build
from harness.engines.protocols import Decoding
from harness.evaluate import Evaluation, evaluate, outcomes_file
from harness.models.load import load_model
from harness.models.prompting import format_prompt
from harness.problems.arithmetic import evaluation_set, stream
from harness.records import RunHead, RunRecord
from harness.scores import scores
from harness.seeding import derive
from harness.tasks import Task
from harness.train import StepReport, train
from harness.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from transformers import PreTrainedTokenizerBase

    from harness.engines.protocols import Sampler
    from harness.problems.problem import Problem


@dataclass(frozen=True, slots=True)
class RunSpec:
    """A run and its place on a grid."""

    study: str
    profile: str
    labels: Mapping[str, str]
    config: ExperimentConfig
    provenance: Mapping[str, str]

    def head(self) -> RunHead:
        """What is known of the run before its first step."""
        config = self.config
        return RunHead(
            run_id=config.run_id(),
            cell_id=config.cell_id(),
            study=self.study,
            profile=self.profile,
            labels=self.labels,
            seed=config.seed,
            config=_plain(config),
            rule={hook: tuple(lines) for hook, lines in config.update_rule().describe().items()},
            provenance=self.provenance,
        )


@dataclass(frozen=True, slots=True)
class Finished:
    """The last item of a run: its record, and the files that go with it by name."""

    record: RunRecord
    files: Mapping[str, bytes]


def execute(spec: RunSpec, folder: Path) -> Iterator[StepReport | Finished]:
    """Run it, report by report. ``folder`` gets metrics.jsonl as it goes and record.json at the end."""
    torch.set_num_threads(max(1, int(spec.config.backend.num_cpus)))  # the same bits, alone or beside another run
    folder.mkdir(parents=True, exist_ok=True)
    usage, reports, evaluations = Usage(), list[StepReport](), dict[str, Evaluation]()
    with (folder / "metrics.jsonl").open("w", encoding="utf-8") as log:
        for report in _reports(spec.config, evaluations):
            reports.append(report)
            log.write(json.dumps({"step": report.step, **report.metrics}) + "\n")
            log.flush()
            yield report
    finished = Finished(_record(spec, scores(reports, evaluations), usage), _files(spec.config, evaluations))
    save(finished, folder)
    yield finished


def save(finished: Finished, folder: Path) -> None:
    """Write the files, and the record last: a folder with a record is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = {**finished.files, "record.json": finished.record.to_json().encode()}
    for name, content in documents.items():
        draft = folder / f".{name}.{os.getpid()}"
        draft.write_bytes(content)
        draft.replace(folder / name)


def _reports(config: ExperimentConfig, evaluations: dict[str, Evaluation]) -> Iterator[StepReport]:
    torch.manual_seed(derive(config.seed, "model"))
    model, tokenizer = load_model(config.model.path, getattr(torch, config.model.dtype))
    sampler, learner = build(model, tokenizer, config)
    held_out = [task(problem, config, tokenizer) for problem in _held_out(config)]
    evaluations["start"] = _evaluate(sampler, held_out, config)
    yield StepReport(0, evaluations["start"].metrics())
    decoding = Decoding(config.rollout.group_size, config.rollout.max_response_length, config.rollout.temperature)
    batches = _batches(_tasks(config, tokenizer, "problems"), config)
    spares = _tasks(config, tokenizer, "spare problems")  # apart: arms of one seed begin each step with the same tasks
    for report in train(sampler, learner, config.update_rule(), config.reward, batches, decoding, config.seed, spares):
        if not _evaluates(report.step, config):
            yield report
            continue
        moment = "final" if report.step == config.steps else f"step {report.step}"
        evaluations[moment] = _evaluate(sampler, held_out, config)
        yield StepReport(report.step, report.metrics | evaluations[moment].metrics())


def task(problem: Problem, config: ExperimentConfig, tokenizer: PreTrainedTokenizerBase) -> Task:
    """The problem with its prompt in tokens."""
    return Task(problem, tuple(format_prompt(tokenizer, problem.prompt, config.model.prompt_form)))


def _tasks(config: ExperimentConfig, tokenizer: PreTrainedTokenizerBase, purpose: str) -> Iterator[Task]:
    problems = stream(config.data.difficulties, derive(config.seed, purpose))
    return (task(problem, config, tokenizer) for problem in problems)


def _batches(tasks: Iterator[Task], config: ExperimentConfig) -> Iterator[list[Task]]:
    return (list(islice(tasks, config.rollout.prompts_per_batch)) for _ in range(config.steps))


def _held_out(config: ExperimentConfig) -> Iterator[Problem]:
    for difficulty in config.data.difficulties:
        yield from evaluation_set(difficulty, config.eval.problems)


def _evaluates(step: int, config: ExperimentConfig) -> bool:
    return step == config.steps or (config.eval.every > 0 and step % config.eval.every == 0)


def _evaluate(sampler: Sampler, tasks: list[Task], config: ExperimentConfig) -> Evaluation:
    decoding = Decoding(config.eval.samples, config.rollout.max_response_length, config.eval.temperature)
    return evaluate(sampler, tasks, decoding)


def _files(config: ExperimentConfig, evaluations: Mapping[str, Evaluation]) -> dict[str, bytes]:
    resolved = yaml.safe_dump(_plain(config), sort_keys=False)
    return {"config.yaml": resolved.encode(), "outcomes.parquet": outcomes_file(evaluations)}


def _plain(config: ExperimentConfig) -> dict[str, object]:
    plain: dict[str, object] = json.loads(json.dumps(asdict(config)))  # tuples become lists, as YAML reads them
    return plain


def _record(spec: RunSpec, found: Mapping[str, float], usage: Usage) -> RunRecord:
    head = spec.head()
    return RunRecord(
        **{part.name: getattr(head, part.name) for part in fields(RunHead)},
        status="finished",
        scores=found,
        wall_seconds=usage.wall_seconds(),
        cpu_seconds=usage.cpu_seconds(),
        peak_memory_mb=usage.peak_memory_mb(),
    )
