"""What a line of the command line asks for, without doing it."""

from __future__ import annotations

from liteppo import studies
from liteppo.program import program
from sweeps.options import SweepOptions


def params(command: str, *words: str) -> dict[str, object]:
    """The values that Typer reads for a command."""
    context = program().commands[command].make_context(command, list(words))
    return dict(context.params)


def sweep_options(*words: str) -> SweepOptions:
    """The options of ``liteppo sweep WORDS``."""
    return studies.sweep_options(**params("sweep", *words))  # type: ignore[arg-type]
