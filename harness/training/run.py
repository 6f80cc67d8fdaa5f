"""One cell with one seed, start to end: build, train, evaluate, record."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Final

import torch
import yaml

from harness.checkpoint.export import EXPORTED, export
from harness.checkpoint.folder import identity
from harness.checkpoint.manager import Checkpoints, resume_message
from harness.common.files import flush, write
from harness.common.resources import Usage
from harness.common.signals import IN_A_WORKER, Preempted, stoppable
from harness.config.experiment import ExperimentConfig
from harness.engines import actor_pool as crew
from harness.engines.base.divergence import Diverged
from harness.records.failures import cause, failed
from harness.records.outcomes import outcomes_file
from harness.records.record import RunHead, RunRecord
from harness.rollouts.problems import RunProblems, run_problems
from harness.training.history import CURVES, line
from harness.training.scores import scores
from harness.training.session import RunSession

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from signal import Signals

    from harness.common.signals import Stop
    from harness.training.loop import StepReport

RECORD: Final = "record.json"


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


def execute(spec: RunSpec, folder: Path, signals: Sequence[Signals] = IN_A_WORKER) -> Iterator[StepReport | Finished]:
    """Run it, report by report, from its newest checkpoint on. ``folder`` gets metrics.jsonl and, last, record.json.

    Raises Preempted after a step in which one of the signals came; that step is kept. Raises Diverged where numbers are
    no longer finite; the folder then holds the record of a failed run, and the next start begins at the first step.
    """
    config = spec.config
    usage = Usage()
    torch.set_num_threads(max(1, int(config.backend.num_cpus)))  # the same bits, alone or beside another run
    folder.mkdir(parents=True, exist_ok=True)
    read = run_problems(config)
    kept = Checkpoints(folder, identity(config, {**spec.provenance, **read.provenance()}), config.checkpoint.keep)
    _forget_divergence(folder, kept)
    try:
        with stoppable(signals) as stop, crew.is_healthy():
            course = RunSession(config, read, None if (folder / RECORD).exists() else kept.newest())
            yield from _followed(course, config, kept, stop, folder)
            finished = _finish(spec, read, course, folder)
    except Diverged as error:
        write(folder / RECORD, failed(spec.head(), cause(error), usage.spent()).to_json().encode())
        raise
    kept.clear()
    yield finished


def _forget_divergence(folder: Path, kept: Checkpoints) -> None:
    """Say that the run diverged before, and remove its checkpoints, from which it would diverge again at once."""
    try:
        before = RunRecord.from_json((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none, or of another version: this run replaces it
        return
    if before.status == "failed":
        print(f"this run has failed before ({before.error}); it begins again at the first step", file=sys.stderr)
        kept.clear()


def _followed(
    course: RunSession, config: ExperimentConfig, kept: Checkpoints, stop: Stop, folder: Path
) -> Iterator[StepReport]:
    """The reports, written down, with checkpoints where they are due."""
    every = config.checkpoint.every
    (folder / RECORD).unlink(missing_ok=True)  # of a run that is made anew: beside half of one it would be wrong
    with (folder / CURVES).open("w", encoding="utf-8") as log:
        for report in course.reports():
            log.write(line(report))
            log.flush()
            if every and report.step and report.step % every == 0 and report.step < config.steps:
                kept.write(report.step, course.save)
            yield report
            if stop.asked and report.step < config.steps:
                kept.write(report.step, course.save)
                raise Preempted(f"stopped; the same command {resume_message(folder)}")


def _finish(spec: RunSpec, read: RunProblems, course: RunSession, folder: Path) -> Finished:
    """Leave behind what a finished run leaves."""
    if spec.config.checkpoint.export:
        export(spec.config.model, course.practice.learner.weights(), folder / EXPORTED)
    about = {**read.provenance(), **course.practice.prompts.provenance()}
    record = _record(spec, about, scores(course.trace.reports, course.trace.moments), course.trace.usage)
    finished = Finished(record, _files(spec.config, read, course))
    save(finished, folder)
    return finished


def save(finished: Finished, folder: Path) -> None:
    """Write the files, and the record last: a folder with a record is complete. The disk holds it when this returns."""
    for name, content in finished.files.items():
        write(folder / name, content)
    if (folder / CURVES).exists():
        flush(folder / CURVES)
    write(folder / RECORD, finished.record.to_json().encode())


def _files(config: ExperimentConfig, read: RunProblems, course: RunSession) -> dict[str, bytes]:
    resolved = yaml.safe_dump(_plain(config), sort_keys=False)
    cards = {name: card.to_json() for name, card in read.described().items()}
    written = {"data_card.json": json.dumps(cards, indent=2), "data_card.md": f"{read.cards()}\n"} if cards else {}
    return {
        "config.yaml": resolved.encode(),
        "outcomes.parquet": outcomes_file(course.trace.moments),
        "clipped_tokens.json": course.clipped_tokens().encode(),
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
        **asdict(usage.spent()),
    )
