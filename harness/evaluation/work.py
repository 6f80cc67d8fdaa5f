"""One evaluation, start to end: its folder, what is missing in it, and its scores."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd
import torch
import yaml

from harness.engines.build import sampling
from harness.evaluation.fingerprint import label
from harness.evaluation.report import document
from harness.evaluation.sitting import clear, sit
from harness.models.load import load_tokenizer
from harness.outcomes import Evaluation, Evaluations, outcomes_file
from harness.problems.source import held_out, refuse_broken_reward
from harness.prompts import Prompts
from harness.writing import write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.config import ExperimentConfig
    from harness.engines.protocols import Sampler
    from harness.evaluate import Exam

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


def outcomes(config: ExperimentConfig, exams: Sequence[Exam], folder: Path) -> Evaluations:
    """What came of the exams, asked as far as the folder does not hold it; it holds all of it afterwards."""
    path = folder / "outcomes.parquet"
    if path.exists():
        return _read(path, exams)
    evaluations = sit(lambda: _sampler(config), exams, folder)
    write(folder / "config.yaml", yaml.safe_dump(json.loads(json.dumps(asdict(config))), sort_keys=False).encode())
    write(path, outcomes_file({_WHEN: evaluations}))
    clear(folder)
    return evaluations


def _sampler(config: ExperimentConfig) -> Sampler:
    torch.set_num_threads(max(1, int(config.backend.num_cpus)))
    return sampling(config)


def _read(path: Path, exams: Sequence[Exam]) -> Evaluations:
    rows = pd.read_parquet(path)
    return {exam.benchmark: Evaluation.of(rows[rows["benchmark"] == exam.benchmark]) for exam in exams}
