"""How hard problems are for a model: ``python -m harness.difficulty model=PATH tier=paper_easy k=8``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from harness.difficulty.request import read_request
from harness.evaluation.stops import stopped

if TYPE_CHECKING:
    from harness.difficulty.request import Request

_USAGE = """\
usage: python -m harness.difficulty model=MODEL [tier=paper_easy] [k=8] [problems=200] [cut=0.1,0.9] [OVERRIDE ...]

Asks a model each problem k times and counts the right answers: the share of prompts by number
correct, as a table, as CSV and as a figure. Sampling is that of the paper's training. What is
done stays done: a stopped measurement goes on where it was.

  model=builtin:small_base tier=arithmetic_easy,arithmetic_hard
  model=smol tier=paper_easy problems=20 cut=0.1,0.9

tier       a list of: paper_easy, paper_medium, paper_hard, simplerl_zoo_easy, ..., arithmetic_easy, ...,
           or a file that a cut has written
problems   a fixed draw of so many of each tier; all: no draw
cut        writes the problems that the model solves at a rate in between as a tier of its own

Any other argument is a Hydra override, such as rollout.max_response_length=1024."""


def main(arguments: list[str]) -> int:
    """Measure and print. Exit code 2 for a wrong setting or wrong data, 1 for a full disk, 130 for Ctrl-C."""
    if {"-h", "--help"} & set(arguments) or not arguments:
        print(_USAGE)
        return 0 if arguments else 2
    return stopped(lambda: _measure(read_request(arguments)))


def _measure(request: Request) -> None:
    from harness.difficulty.work import run  # noqa: PLC0415 - torch takes seconds; refuse before

    for line in run(request):
        print(line)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
