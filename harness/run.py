"""One cell with one seed, start to end: build, train, evaluate, record."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from typing import TYPE_CHECKING

import torch
import yaml

from harness.config import ExperimentConfig
from harness.evaluate import evaluate, metrics
from harness.outcomes import Evaluations, outcomes_file
from harness.practice import practice
from harness.problems.source import Material, material
from harness.records import RunHead, RunRecord
from harness.scores import scores
from harness.statistics.token_text import token_text
from harness.train import StepReport
from harness.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from harness.engines.protocols import Sampler
    from harness.evaluate import Exam
    from harness.prompts import Prompts


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


@dataclass(slots=True)
class _Trace:
    """What a run gathers beside its reports."""

    moments: dict[str, Evaluations] = field(default_factory=dict)
    clipped_tokens: str = ""


def execute(spec: RunSpec, folder: Path) -> Iterator[StepReport | Finished]:
    """Run it, report by report. ``folder`` gets metrics.jsonl as it goes and record.json at the end."""
    torch.set_num_threads(max(1, int(spec.config.backend.num_cpus)))  # the same bits, alone or beside another run
    folder.mkdir(parents=True, exist_ok=True)
    usage, reports, trace = Usage(), list[StepReport](), _Trace()
    read = material(spec.config)
    with (folder / "metrics.jsonl").open("w", encoding="utf-8") as log:
        for report in _reports(spec.config, read, trace):
            reports.append(report)
            log.write(json.dumps({"step": report.step, **report.metrics}) + "\n")
            log.flush()
            yield report
    record = _record(spec, read.provenance(), scores(reports, trace.moments), usage)
    finished = Finished(record, _files(spec.config, read, trace))
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


def _reports(config: ExperimentConfig, read: Material, trace: _Trace) -> Iterator[StepReport]:
    begun = practice(config, read.tiers)
    sampler, prompts, exams = begun.sampler, begun.prompts, begun.prompts.exams(read.held_out)
    trace.moments["start"] = _evaluate(sampler, exams)
    yield StepReport(0, metrics(trace.moments["start"]) | _dropped(prompts) | {"data/unknown": prompts.unknown(exams)})
    for report in begun.reports:
        found = report.metrics | _dropped(prompts)
        if _evaluates(report.step, config):
            moment = "final" if report.step == config.steps else f"step {report.step}"
            trace.moments[moment] = _evaluate(sampler, exams)
            found |= metrics(trace.moments[moment])
        yield StepReport(report.step, found)
    trace.clipped_tokens = begun.learner.clipped_tokens().to_json(partial(token_text, begun.tokenizer))


def _evaluates(step: int, config: ExperimentConfig) -> bool:
    return step == config.steps or (config.eval.every > 0 and step % config.eval.every == 0)


def _evaluate(sampler: Sampler, exams: Iterable[Exam]) -> Evaluations:
    return {exam.benchmark: evaluate(sampler, exam) for exam in exams}


def _dropped(prompts: Prompts) -> dict[str, float]:
    return {"data/too_long": float(prompts.too_long)}


def _files(config: ExperimentConfig, read: Material, trace: _Trace) -> dict[str, bytes]:
    resolved = yaml.safe_dump(_plain(config), sort_keys=False)
    cards = {name: tier.card.to_json() for name, tier in read.tiers.items()}
    written = {"data_card.json": json.dumps(cards, indent=2), "data_card.md": f"{read.cards()}\n"} if cards else {}
    return {
        "config.yaml": resolved.encode(),
        "outcomes.parquet": outcomes_file(trace.moments),
        "clipped_tokens.json": trace.clipped_tokens.encode(),
        **{name: text.encode() for name, text in written.items()},
    }


def _plain(config: ExperimentConfig) -> dict[str, object]:
    plain: dict[str, object] = json.loads(json.dumps(asdict(config)))  # tuples become lists, as YAML reads them
    return plain


def _record(spec: RunSpec, data: Mapping[str, str], found: Mapping[str, float], usage: Usage) -> RunRecord:
    head = replace(spec, provenance={**spec.provenance, **data}).head()
    return RunRecord(
        **{part.name: getattr(head, part.name) for part in fields(RunHead)},
        status="finished",
        scores=found,
        wall_seconds=usage.wall_seconds(),
        cpu_seconds=usage.cpu_seconds(),
        peak_memory_mb=usage.peak_memory_mb(),
    )
