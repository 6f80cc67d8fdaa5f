"""Score a model on benchmarks: ``python -m harness.evaluation model=PATH bench=all k=8``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console

from harness.evaluation.request import evaluation_config
from harness.evaluation.stops import stopped
from harness.results import results_folder

if TYPE_CHECKING:
    from harness.config import ExperimentConfig

_USAGE = """\
usage: python -m harness.evaluation model=MODEL [bench=all] [k=8] [eval=rigorous] [problems=N] [OVERRIDE ...]

Scores a model and keeps the outcome of every sample. What is done stays done: a stopped
evaluation goes on where it was, and a finished one is read.

  model=builtin:small_base bench=arithmetic k=4     an embedded model on the problems it knows
  model=smol bench=math500,aime24 problems=4        a few problems of two benchmarks
  model=Qwen/Qwen3-4B-Base bench=all k=8            all benchmarks; DATA_DIR or the hub has them
  model=/path/to/model eval=paper                   the six sets of the paper

bench      all, or a list of: math500, olympiadbench, minerva, aime24, aime25, amc23, gsm8k, arithmetic,
           and files of your own: file:heldout.jsonl, each row with problem and answer (docs/own_tasks.md)
k          samples of every problem; without it those of the preset
eval       preset: rigorous (the default), paper, laptop (of embedded models), ...
problems   a fixed draw of so many of each benchmark; all: no draw

Any other argument is a Hydra override, such as model.prompt_form=chat, model.thinking=false
or eval.max_response_length=4096."""


def main(arguments: list[str]) -> int:
    """Evaluate and print. Exit code 2 for a wrong setting or wrong data, 1 for a full disk, 130 for Ctrl-C."""
    if {"-h", "--help"} & set(arguments) or not arguments:
        print(_USAGE)
        return 0 if arguments else 2
    return stopped(lambda: _evaluate(evaluation_config(arguments)))


def _evaluate(config: ExperimentConfig) -> None:
    from harness.evaluation.report import lines, table  # noqa: PLC0415 - torch takes seconds; refuse before
    from harness.evaluation.work import run  # noqa: PLC0415

    done = run(config, results_folder())
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    console.print(config.model.path, markup=False)
    console.print(table(done.evaluations))
    notes = (f"prompts: {note}" for note in done.notes)
    for line in (*lines(config, done.evaluations, done.unknown), *notes, str(done.folder)):
        console.print(line, markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
