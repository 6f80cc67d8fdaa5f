"""One evaluation, start to end: its folder, what is missing in it, and its scores."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd
import torch
import yaml

from harness.engines.build import build
from harness.evaluation.fingerprint import label
from harness.evaluation.report import document
from harness.evaluation.sitting import clear, sit
from harness.models.load import load_model, load_tokenizer
from harness.outcomes import Evaluation, Evaluations, outcomes_file
from harness.problems.source import held_out
from harness.prompts import Prompts
from harness.writing import write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.config import ExperimentConfig
    from harness.engines.protocols import Sampler
    from harness.evaluate import Exam

_OUTCOMES, _SCORES = "outcomes.parquet", "scores.json"
_WHEN: Final = "evaluation"  # the column `when` of outcomes; a run has moments, a lone evaluation has one


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Where an evaluation lies and what came of it."""

    folder: Path
    evaluations: Evaluations
    unknown: float  # share of the prompts' tokens that the tokenizer cannot spell


def run(config: ExperimentConfig, results: Path) -> Evaluated:
    """Evaluate, or read what an equal evaluation has left. Raises DataError, ModelError or SchemaError."""
    prompts = Prompts(config, load_tokenizer(config.model.path))
    exams = prompts.exams(held_out(config))
    folder, unknown = results / "evaluations" / label(config, exams), prompts.unknown(exams)
    if (folder / _SCORES).exists():
        return Evaluated(folder, _read(folder, exams), unknown)
    evaluations = sit(lambda: sampler(config), exams, folder)
    write(folder / "config.yaml", yaml.safe_dump(json.loads(json.dumps(asdict(config))), sort_keys=False).encode())
    write(folder / _OUTCOMES, outcomes_file({_WHEN: evaluations}))
    write(folder / _SCORES, json.dumps(document(config, evaluations), indent=2).encode())
    clear(folder)
    return Evaluated(folder, evaluations, unknown)


def sampler(config: ExperimentConfig) -> Sampler:
    """The model, ready to be asked."""
    torch.set_num_threads(max(1, int(config.backend.num_cpus)))
    model, tokenizer = load_model(config.model.path, getattr(torch, config.model.dtype))
    return build(model, tokenizer, config)[0]


def _read(folder: Path, exams: Sequence[Exam]) -> Evaluations:
    rows = pd.read_parquet(folder / _OUTCOMES)
    return {exam.benchmark: Evaluation.of(rows[rows["benchmark"] == exam.benchmark]) for exam in exams}
