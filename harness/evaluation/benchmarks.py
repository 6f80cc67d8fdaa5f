"""Score a model on benchmarks in chunks that are kept on disk."""

from __future__ import annotations

import io
import json
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd
import torch
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from harness.common.files import write
from harness.engines.build import sampling
from harness.evaluation.evaluate import answer
from harness.evaluation.fingerprint import label
from harness.evaluation.report import document
from harness.models.load import load_tokenizer
from harness.records.outcomes import Evaluation, Evaluations, join, outcomes_file
from harness.rollouts.problems import held_out, refuse_broken_reward
from harness.rollouts.prompts import Prompts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.config.experiment import ExperimentConfig
    from harness.engines.base.protocols import Sampler
    from harness.rollouts.prompts import EvalSet


PARTS: Final = "parts"  # the folder of the chunks, until all of them are there


def run_benchmarks(sampler: Callable[[], Sampler], exams: Sequence[EvalSet], folder: Path) -> Evaluations:
    """The evaluation of each exam; ``sampler`` is called when something is left to be asked."""
    ready: list[Sampler] = []
    found: Evaluations = {}
    with _progress() as progress:
        for exam in exams:
            bar, done = progress.add_task(exam.benchmark, total=len(exam.tasks), note=""), list[Evaluation]()
            for number, part in enumerate(exam.parts()):
                path = folder / PARTS / f"{exam.benchmark}.{number}.parquet"
                if not path.exists():
                    ready = ready or [sampler()]
                    write(path, _stored(answer(ready[0], part)))
                done.append(Evaluation.of(pd.read_parquet(path)))
                right = join(done).right.mean()
                progress.update(bar, advance=len(part.tasks), note=f"accuracy {right:.3f}")
            found[exam.benchmark] = join(done)
    return found


def clear(folder: Path) -> None:
    """Remove the chunks: their outcomes are in one file now."""
    shutil.rmtree(folder / PARTS, ignore_errors=True)


def _stored(evaluation: Evaluation) -> bytes:
    buffer = io.BytesIO()
    evaluation.frame().to_parquet(buffer, index=False)
    return buffer.getvalue()


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), BarColumn(bar_width=None))
    return Progress(
        *columns, TimeRemainingColumn(), TextColumn("{task.fields[note]}"), console=Console(file=sys.stderr)
    )


_WHEN: Final = "evaluation"  # the column `when` of outcomes; a run has moments, a lone evaluation has one


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Where an evaluation lies and what came of it."""

    folder: Path
    evaluations: Evaluations
    unknown: float  # share of the prompts' tokens that the tokenizer cannot spell
    notes: tuple[str, ...] = ()  # what is odd about how the tokenizer begins and ends prompts


def run(config: ExperimentConfig, results: Path) -> Evaluated:
    """Evaluate, or read what an equal evaluation has left. Raises DataError, ModelError or SchemaError."""
    prompts = Prompts(config, load_tokenizer(config.model.path))
    problems = held_out(config)
    refuse_broken_reward(config, problems)
    exams = prompts.exams(problems)
    folder = results / "evaluations" / label(config, exams)
    evaluations = outcomes(config, exams, folder)
    write(folder / "scores.json", json.dumps(document(config, evaluations), indent=2).encode())
    return Evaluated(folder, evaluations, prompts.unknown(exams), prompts.notes)


def outcomes(config: ExperimentConfig, exams: Sequence[EvalSet], folder: Path) -> Evaluations:
    """What came of the exams, asked as far as the folder does not hold it; it holds all of it afterwards."""
    path = folder / "outcomes.parquet"
    if path.exists():
        return _read(path, exams)
    evaluations = run_benchmarks(lambda: _sampler(config), exams, folder)
    write(folder / "config.yaml", yaml.safe_dump(json.loads(json.dumps(asdict(config))), sort_keys=False).encode())
    write(path, outcomes_file({_WHEN: evaluations}))
    clear(folder)
    return evaluations


def _sampler(config: ExperimentConfig) -> Sampler:
    torch.set_num_threads(max(1, int(config.backend.num_cpus)))
    return sampling(config)


def _read(path: Path, exams: Sequence[EvalSet]) -> Evaluations:
    rows = pd.read_parquet(path)
    return {exam.benchmark: Evaluation.of(rows[rows["benchmark"] == exam.benchmark]) for exam in exams}
