"""Commands that score models: their exit codes and output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console

from harness.common.resources import explain_out_of_memory
from harness.common.results import results_folder
from harness.common.schema import SchemaError
from harness.data.catalog import DataError
from harness.engines.base.divergence import Diverged
from harness.engines.base.errors import EngineError, ParityError
from harness.models.errors import ModelError
from tricks.api import TrickError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.config.experiment import ExperimentConfig


def run_command(command: Callable[[], None]) -> int:
    """Run a command, print its error, and return its exit code.

    The code is 0 for success, 2 for bad input, 1 for a failure such as a full disk, and 130 for Ctrl-C.
    """
    try:
        command()
    except (SchemaError, TrickError, ModelError, DataError) as error:
        print(error, file=sys.stderr)
        return 2
    except (OSError, Diverged, EngineError, ParityError) as error:
        advice = "; check the weights of the model, or set model.dtype=float32" if isinstance(error, Diverged) else ""
        print(f"{error}{advice}", file=sys.stderr)
        return 1
    except (MemoryError, RuntimeError) as error:
        print(explain_out_of_memory(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; run the same command again to resume", file=sys.stderr)
        return 130
    return 0


def print_evaluation(config: ExperimentConfig) -> None:
    """Evaluate a model, keep the outcome of every sample, and print the scores."""
    from harness.evaluation.benchmarks import evaluate_model  # noqa: PLC0415
    from harness.evaluation.report import build_score_table, list_score_notes  # noqa: PLC0415 - torch takes seconds; refuse before

    done = evaluate_model(config, results_folder())
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    console.print(config.model.path, markup=False)
    console.print(build_score_table(done.evaluations))
    notes = (f"prompts: {note}" for note in done.notes)
    for line in (*list_score_notes(config, done.evaluations, done.unknown), *notes, str(done.folder)):
        console.print(line, markup=False, soft_wrap=True)
