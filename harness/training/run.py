"""One run (a cell with one seed) from start to end: build, train, evaluate, record."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Final

import torch
import yaml

from harness.checkpoint import EXPORT_FOLDER, CheckpointManager, compute_identity, describe_resume, export_model
from harness.common import (
    WORKER_SIGNALS,
    Preempted,
    ResourceMeter,
    atomic_write,
    catch_stop_signals,
    flush_to_disk,
    release_freed_memory,
)
from harness.config import ExperimentConfig
from harness.engines import actor_pool
from harness.engines.base import Diverged
from harness.records import RunHead, RunRecord, build_failed_record, describe_error, encode_outcomes
from harness.rollouts import RunProblems, read_run_problems
from harness.training.scores import compute_scores
from harness.training.session import REPORTS_FILE, RunSession, format_report

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from signal import Signals

    from harness.common import StopFlag
    from harness.training.loop import StepReport

RECORD: Final = "record.json"


@dataclass(frozen=True, slots=True)
class RunSpec:
    """A run and its place in a grid."""

    study: str
    profile: str
    labels: Mapping[str, str]
    config: ExperimentConfig
    provenance: Mapping[str, str]

    def head(self) -> RunHead:
        """Return the description of the run that is known before its first step."""
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
class FinishedRun:
    """The last item of a run: its record and the files that belong to it, by name."""

    record: RunRecord
    files: Mapping[str, bytes]


def execute_run(
    spec: RunSpec, folder: Path, signals: Sequence[Signals] = WORKER_SIGNALS
) -> Iterator[StepReport | FinishedRun]:
    """Run from the newest checkpoint on and yield a report per step, then the result.

    Args:
        spec: The run.
        folder: Folder of the run; it receives metrics.jsonl and, last, record.json.
        signals: Signals that stop the run after the present step.

    Yields:
        The report of each step; last, the record and files.

    Raises:
        Preempted: A signal arrived. The present step is finished and saved.
        Diverged: A number is not finite. The folder then holds the record of a failed run, and the next call starts at
            the first step.

    """
    config = spec.config
    usage = ResourceMeter()
    torch.set_num_threads(max(1, int(config.backend.num_cpus)))  # equal results, alone or next to another run
    folder.mkdir(parents=True, exist_ok=True)
    problems = read_run_problems(config)
    checkpoints = CheckpointManager(
        folder, compute_identity(config, {**spec.provenance, **problems.provenance()}), config.checkpoint.keep
    )
    _forget_divergence(folder, checkpoints)
    try:
        with catch_stop_signals(signals) as stop, actor_pool.shutdown_on_error():
            session = RunSession(config, problems, None if (folder / RECORD).exists() else checkpoints.newest())
            yield from _followed(session, config, checkpoints, stop, folder)
            finished = _finish(spec, problems, session, folder)
    except Diverged as error:
        atomic_write(
            folder / RECORD, build_failed_record(spec.head(), describe_error(error), usage.spent()).to_json().encode()
        )
        raise
    checkpoints.clear()
    yield finished


def _forget_divergence(folder: Path, checkpoints: CheckpointManager) -> None:
    """Report that the run has diverged before, and remove its checkpoints.

    From these checkpoints it would diverge again.
    """
    try:
        before = RunRecord.from_json((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no record, or one of another version: this run replaces it
        return
    if before.status == "failed":
        print(f"this run failed before ({before.error}); it restarts from step 0", file=sys.stderr)
        checkpoints.clear()


def _followed(
    session: RunSession, config: ExperimentConfig, checkpoints: CheckpointManager, stop: StopFlag, folder: Path
) -> Iterator[StepReport]:
    """Yield and log the reports, and write checkpoints where they are due."""
    every = config.checkpoint.every
    (folder / RECORD).unlink(missing_ok=True)  # a repeated run is incomplete, so its old record would be wrong
    with (folder / REPORTS_FILE).open("w", encoding="utf-8") as log:
        for report in session.reports():
            log.write(format_report(report))
            log.flush()
            if every and report.step and report.step % every == 0 and report.step < config.steps:
                checkpoints.write(report.step, session.save)
            yield report
            if stop.asked and report.step < config.steps:
                checkpoints.write(report.step, session.save)
                raise Preempted(f"stopped; the same command {describe_resume(folder)}")


def _finish(spec: RunSpec, problems: RunProblems, session: RunSession, folder: Path) -> FinishedRun:
    """Export, record and save a finished run."""
    release_freed_memory()  # for pandas and MLflow, which come now
    if spec.config.checkpoint.export:
        export_model(spec.config.model, session.training.learner.weights(), folder / EXPORT_FOLDER)
    about = {**problems.provenance(), **session.training.prompts.provenance()}
    record = _record(
        spec, about, compute_scores(session.history.reports, session.history.moments), session.history.usage
    )
    finished = FinishedRun(record, _files(spec.config, problems, session))
    save_finished_run(finished, folder)
    return finished


def save_finished_run(finished: FinishedRun, folder: Path) -> None:
    """Write the files and the record to disk, the record last.

    A folder with a record is therefore complete. All data is flushed when the function returns.
    """
    for name, content in finished.files.items():
        atomic_write(folder / name, content)
    if (folder / REPORTS_FILE).exists():
        flush_to_disk(folder / REPORTS_FILE)
    atomic_write(folder / RECORD, finished.record.to_json().encode())


def _files(config: ExperimentConfig, problems: RunProblems, session: RunSession) -> dict[str, bytes]:
    resolved = yaml.safe_dump(_plain(config), sort_keys=False)
    cards = {name: card.to_json() for name, card in problems.described().items()}
    written = {"data_card.json": json.dumps(cards, indent=2), "data_card.md": f"{problems.cards()}\n"} if cards else {}
    return {
        "config.yaml": resolved.encode(),
        "outcomes.parquet": encode_outcomes(session.history.moments),
        "clipped_tokens.json": session.clipped_tokens().encode(),
        **{name: text.encode() for name, text in written.items()},
    }


def _plain(config: ExperimentConfig) -> dict[str, object]:
    plain: dict[str, object] = json.loads(json.dumps(asdict(config)))  # tuples become lists, as YAML reads them
    return plain


def _record(spec: RunSpec, data: Mapping[str, str], found: Mapping[str, float], usage: ResourceMeter) -> RunRecord:
    head = replace(spec, provenance={**spec.provenance, **data}).head()
    return RunRecord(
        **{part.name: getattr(head, part.name) for part in fields(RunHead)},
        status="finished",
        scores=found,
        **asdict(usage.spent()),
    )
