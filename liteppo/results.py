"""Commands for results: tables, figures, report, takeaways, guide, and the pages of MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Option, Typer

from liteppo.endings import ended, printed
from liteppo.words import ResultsCommand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from analysis import StudySelection

Grid = Annotated[str | None, Option(metavar="NAME", help="One grid; by default all grids with runs.")]
Profile = Annotated[str | None, Option(metavar="NAME", help="One profile; by default all profiles with runs.")]
Results = Annotated[str | None, Option(metavar="DIR", help="Folder of results; by default RESULTS_DIR or results.")]
Mixed = Annotated[bool, Option("--mixed", help="Let runs of different commits or machines share a table.")]

GUIDE_EXAMPLES = """\
Examples:
  liteppo guide --model small_base --length short --rewards concentrated
  liteppo guide --model qwen3_8b --length 20k --budget 12
  liteppo guide                                        results/tables/guide.PROFILE.md, for all cases"""

TRACE_EXAMPLE = """\
Example:
  liteppo trace --cell norm_ablation.laptop/small_base,mixed,group/final/accuracy"""


def results_folder(given: str | None) -> Path:
    """Return the folder of results. Raises SchemaError for the folder of the reference results."""
    from harness.common import results_folder as folder  # noqa: PLC0415 - nothing is imported for --help

    return folder(given)


def tables(grid: Grid = None, profile: Profile = None, results: Results = None, mixed: Mixed = False) -> int:
    """Write results/tables: scores and verdicts of each study as Markdown, CSV and LaTeX.

    Without a grid, also the controls and the judged takeaways. Exit code 1 where runs must not share a table.
    """
    from analysis import run_tables as written  # noqa: PLC0415 - pandas takes a second

    return _shown(written, grid, profile, results, mixed)


def figures(grid: Grid = None, profile: Profile = None, results: Results = None, mixed: Mixed = False) -> int:
    """Write results/figures: scores and learning curves of each study as SVG and PNG."""
    from analysis import run_figures as drawn  # noqa: PLC0415 - pandas takes a second

    return _shown(drawn, grid, profile, results, mixed)


def report(grid: Grid = None, profile: Profile = None, results: Results = None, mixed: Mixed = False) -> int:
    """Write results/report.html: plan, verdicts, tables, curves and lineage on one page."""
    from analysis import run_report as written  # noqa: PLC0415 - pandas takes a second

    return _shown(written, grid, profile, results, mixed)


def takeaways(grid: Grid = None, profile: Profile = None, results: Results = None, mixed: Mixed = False) -> int:
    """Judge the paper's claims on all grids: results/tables/takeaways.PROFILE.*.

    The tables command judges them too.
    """
    from analysis import run_takeaways as judged  # noqa: PLC0415 - pandas takes a second

    return _shown(judged, grid, profile, results, mixed)


def summary(grid: Grid = None, profile: Profile = None, results: Results = None, mixed: Mixed = False) -> int:
    """Print a short table of scores of each study."""
    from analysis import run_summary as short  # noqa: PLC0415 - pandas takes a second

    return _shown(short, grid, profile, results, mixed)


def replay_tables(results: Results = None, grid: Grid = None, profile: Profile = None, mixed: Mixed = False) -> int:
    """Write the table and the figure of each replay under results/runs/replay."""
    from analysis import run_replays  # noqa: PLC0415 - pandas takes a second

    return ended(lambda: printed(run_replays(results_folder(results))), None)


def guide(
    model: Annotated[
        str | None, Option(metavar="NAME", help="small, large, a model of the study, or 4b and 8b.", show_default=False)
    ] = None,
    length: Annotated[str | None, Option(metavar="short|8k", help="Longest response: a word, or tokens.")] = None,
    rewards: Annotated[
        str | None,
        Option(metavar="spread|concentrated", help="How rewards are distributed in a group; by default spread."),
    ] = None,
    aligned: Annotated[str | None, Option(metavar="yes|no", help="Whether the model is aligned.")] = None,
    budget: Annotated[str | None, Option(metavar="HOURS", help="Available hours.")] = None,
    profile: Annotated[str | None, Option(metavar="NAME", help="Profile whose runs are the evidence.")] = None,
    results: Results = None,
    mixed: Mixed = False,
) -> int:
    """Recommend tricks for a case, with the evidence.

    Without a case, write a table of all cases.
    """
    given = {"model": model, "length": length, "rewards": rewards, "aligned": aligned, "budget": budget}
    case = {name: value for name, value in {**given, "profile": profile}.items() if value is not None}

    def advise() -> int:
        from analysis import run_guide as advice  # noqa: PLC0415 - pandas takes a second

        return printed(advice(results_folder(results), case, mixed))

    return ended(advise, None)


def trace(
    cell: Annotated[str, Option(metavar="TABLE/LABEL,LABEL/COLUMN", help="Address of a number, or a part of it.")] = "",
    results: Results = None,
) -> int:
    """Show the sources of a number in a table: its runs, commits, data and settings."""

    def show() -> int:
        from analysis import run_trace as traced  # noqa: PLC0415 - pandas takes a second

        return printed(traced(results_folder(results), cell))

    return ended(show, None)


def ui(port: Annotated[str, Option(metavar="NUMBER", help="Port on 127.0.0.1.")] = "5000") -> int:
    """Browse the runs in MLflow, on this machine only; Ctrl-C ends it."""
    from harness.tracking import serve  # noqa: PLC0415 - nothing is imported for --help

    return serve(port)


def _shown(
    command: Callable[[StudySelection], Iterable[object]],
    grid: str | None,
    profile: str | None,
    results: str | None,
    mixed: bool,
) -> int:
    from analysis import StudySelection  # noqa: PLC0415 - pandas takes a second

    return ended(lambda: printed(command(StudySelection(results_folder(results), grid, profile, mixed))), None)


def add(app: Typer) -> None:
    """Add the commands of this module."""
    panel = "Results"
    for command in (tables, figures, report, takeaways):
        app.command(cls=ResultsCommand, rich_help_panel=panel)(command)
    app.command(cls=ResultsCommand, rich_help_panel=panel, epilog=GUIDE_EXAMPLES)(guide)
    app.command(cls=ResultsCommand, rich_help_panel=panel, epilog=TRACE_EXAMPLE)(trace)
    app.command(cls=ResultsCommand, rich_help_panel=panel)(summary)
    app.command(cls=ResultsCommand, rich_help_panel=panel)(ui)
    app.command("replay-tables", cls=ResultsCommand, hidden=True)(replay_tables)
