"""Evaluation of a model on benchmarks, in chunks that are kept on disk."""

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

from harness.common import atomic_write
from harness.engines import build_sampler_alone
from harness.evaluation.evaluate import evaluate_chunk
from harness.evaluation.report import build_score_document, name_evaluation
from harness.models import load_tokenizer
from harness.records import Evaluation, Evaluations, encode_outcomes, join_evaluations
from harness.rollouts import Prompts, read_held_out, refuse_broken_reward

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.config import ExperimentConfig
    from harness.engines.base import Sampler
    from harness.rollouts import EvalSet


PARTS: Final = "parts"  # folder of the chunks until all are complete


def run_benchmarks(sampler: Callable[[], Sampler], eval_sets: Sequence[EvalSet], folder: Path) -> Evaluations:
    """Evaluate a model on evaluation sets; chunks found on disk are not repeated.

    Args:
        sampler: Returns the sampler; it is called only where a chunk is missing.
        eval_sets: The evaluation sets.
        folder: Folder of the evaluation, which keeps the chunks.

    Returns:
        Benchmark -> evaluation.

    """
    ready: list[Sampler] = []
    found: Evaluations = {}
    with _progress() as progress:
        for eval_set in eval_sets:
            bar, done = progress.add_task(eval_set.benchmark, total=len(eval_set.tasks), note=""), list[Evaluation]()
            for number, part in enumerate(eval_set.parts()):
                path = folder / PARTS / f"{eval_set.benchmark}.{number}.parquet"
                if not path.exists():
                    ready = ready or [sampler()]
                    atomic_write(path, _stored(evaluate_chunk(ready[0], part)))
                done.append(Evaluation.of(pd.read_parquet(path)))
                right = join_evaluations(done).right.mean()
                progress.update(bar, advance=len(part.tasks), note=f"accuracy {right:.3f}")
            found[eval_set.benchmark] = join_evaluations(done)
    return found


def remove_chunks(folder: Path) -> None:
    """Remove the chunks after their outcomes have been joined in one file."""
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


_WHEN: Final = "evaluation"  # value of the column `when`; a run has several moments


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """Result of an evaluation and its folder."""

    folder: Path
    evaluations: Evaluations
    unknown: float  # share of the prompts' tokens that are unknown to the tokenizer
    notes: tuple[str, ...] = ()  # what is unusual in how the tokenizer starts and ends prompts


def evaluate_model(config: ExperimentConfig, results: Path) -> EvaluationResult:
    """Evaluate a model, or read the result of an equal evaluation.

    Raises DataError, ModelError or SchemaError for input that cannot be used.
    """
    prompts = Prompts(config, load_tokenizer(config.model.path))
    problems = read_held_out(config)
    refuse_broken_reward(config, problems)
    eval_sets = prompts.eval_sets(problems)
    folder = results / "evaluations" / name_evaluation(config, eval_sets)
    evaluations = load_or_evaluate(config, eval_sets, folder)
    atomic_write(folder / "scores.json", json.dumps(build_score_document(config, evaluations), indent=2).encode())
    return EvaluationResult(folder, evaluations, prompts.unknown(eval_sets), prompts.notes)


def load_or_evaluate(config: ExperimentConfig, eval_sets: Sequence[EvalSet], folder: Path) -> Evaluations:
    """Return the outcomes of evaluation sets; compute and store those that the folder lacks.

    Args:
        config: The configuration of the evaluation.
        eval_sets: The evaluation sets.
        folder: Folder of the evaluation.

    Returns:
        Benchmark -> evaluation.

    """
    path = folder / "outcomes.parquet"
    if path.exists():
        return _read(path, eval_sets)
    evaluations = run_benchmarks(lambda: _sampler(config), eval_sets, folder)
    atomic_write(
        folder / "config.yaml", yaml.safe_dump(json.loads(json.dumps(asdict(config))), sort_keys=False).encode()
    )
    atomic_write(path, encode_outcomes({_WHEN: evaluations}))
    remove_chunks(folder)
    return evaluations


def _sampler(config: ExperimentConfig) -> Sampler:
    torch.set_num_threads(max(1, int(config.backend.num_cpus)))
    return build_sampler_alone(config)


def _read(path: Path, eval_sets: Sequence[EvalSet]) -> Evaluations:
    rows = pd.read_parquet(path)
    return {eval_set.benchmark: Evaluation.of(rows[rows["benchmark"] == eval_set.benchmark]) for eval_set in eval_sets}
