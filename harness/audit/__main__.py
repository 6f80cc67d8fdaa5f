"""``python -m harness.audit``: measure how often the verifier errs, on pairs whose verdict is known."""

from __future__ import annotations

import sys

from typer import Typer
from typer.main import get_command

from harness.audit.command import run_audit
from harness.results import results_folder
from liteppo.endings import ended
from liteppo.program import run_command
from liteppo.words import Command


def audit() -> int:
    """Measure how often the verifier errs, on pairs whose verdict is known.

    Writes results/verifier.json and results/tables/verifier.md and .csv; RESULTS_DIR names another folder. Exit
    code 1 where the verifier errs more often than it may.
    """
    return ended(lambda: run_audit(results_folder()))


def main(argv: list[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    app = Typer(add_completion=False)
    app.command(cls=Command)(audit)
    return run_command(get_command(app), "python -m harness.audit", argv)


if __name__ == "__main__":
    sys.exit(main())
