"""Score a model on benchmarks and print the scores."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console

from harness.results import results_folder

if TYPE_CHECKING:
    from harness.config import ExperimentConfig


def evaluate(config: ExperimentConfig) -> None:
    """Evaluate, keep the outcome of every sample, and print the scores."""
    from harness.evaluation.report import lines, table  # noqa: PLC0415 - torch takes seconds; refuse before
    from harness.evaluation.work import run  # noqa: PLC0415

    done = run(config, results_folder())
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    console.print(config.model.path, markup=False)
    console.print(table(done.evaluations))
    notes = (f"prompts: {note}" for note in done.notes)
    for line in (*lines(config, done.evaluations, done.unknown), *notes, str(done.folder)):
        console.print(line, markup=False, soft_wrap=True)
