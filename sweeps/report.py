"""A plan in words, for terminals of any width and for files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from sweeps.cells import varied, words
from sweeps.estimate import START_SECONDS, makespan
from sweeps.phrases import count, duration
from sweeps.twin_report import inert_lines, twin_lines
from tricks.packages import packages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

    from sweeps.grid import Grid
    from sweeps.plan import Plan, PlannedRun

CELLS_SHOWN: Final = 24


def print_header(console: Console, grid: Grid) -> None:
    """What is known before anything is composed: name, profile, question."""
    console.print(Text(f"{grid.name} ({grid.profile})", style="bold"))
    console.print(Text(grid.question))


def print_plan(console: Console, plan: Plan, slots: int | None) -> None:
    """Runs and minutes, what is left out and why, twins, cells. ``slots``: runs at once, None for a cluster."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, style="cyan")
    table.add_column(overflow="fold")
    for title, line in _lines(plan, slots):
        table.add_row(title, Text(line))
    console.print(table)
    console.print(_cells(plan))


def _lines(plan: Plan, slots: int | None) -> Iterator[tuple[str, str]]:
    runs, cells, seeds = len(plan.runs), len(plan.cells), len(plan.grid.seeds)
    run = runs // seeds
    part = f"{run} of " if run < cells else ""
    yield "runs", f"{runs}: {part}{cells} cells x {seeds} seed{'s' * (seeds > 1)}"
    considered = cells + len(plan.refused) + sum(len(points) for _, points in plan.skipped)
    if considered < plan.crossed:
        yield "part", f"{considered} of {plan.crossed} cells, the quick slices; FULL=1 crosses all"
    yield "finished", str(len(plan.finished))
    yield "to run", str(len(plan.to_run))
    if plan.to_run:
        yield "time", f"about {_time(plan.to_run, slots)}, {plan.speed.source}"
    yield from _foreign(plan)
    yield from _left_out(plan)
    yield from inert_lines(plan)
    yield from twin_lines(plan)


def _time(runs: Sequence[PlannedRun], slots: int | None) -> str:
    seconds = [run.seconds for run in runs]
    if slots is None:
        return f"{duration(sum(seconds))} of runs, divided by what the cluster runs at once"
    return f"{duration(START_SECONDS + makespan(seconds, slots))}, {slots} run{'s' * (slots > 1)} at once"


def _foreign(plan: Plan) -> Iterator[tuple[str, str]]:
    """Tricks that are not of this project, with the package each comes from."""
    named = {name for cell in plan.cells for name in cell.config.tricks}
    for name, package in sorted(packages().items()):
        if name in named:
            yield "foreign", f"{name}, of the package {package}"


def _left_out(plan: Plan) -> Iterator[tuple[str, str]]:
    for part, points in plan.skipped:
        where = " ".join(f"{axis}={','.join(labels)}" for axis, labels in part.labels.items())
        yield "skipped", f"{count(points)} {where}: {part.because}"
    reasons: dict[str, list[Mapping[str, str]]] = {}
    for refusal in plan.refused:
        reasons.setdefault(refusal.because, []).append(refusal.labels)
    for reason, refused in reasons.items():
        yield "refused", f"{count(refused)} {_shared(refused)}: {reason}"


def _shared(points: Sequence[Mapping[str, str]]) -> str:
    differing = varied(points)
    return words({axis: label for axis, label in points[0].items() if axis not in differing}) or "all axes"


def _cells(plan: Plan) -> Table:
    axes = varied([cell.labels for cell in plan.cells]) or list(plan.grid.axes)
    done = {cell.cell_id: 0 for cell in plan.cells} | _finished(plan)
    table = Table.grid(padding=(0, 1))
    for _ in axes:
        table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_row(*(Text(axis, style="dim") for axis in axes), Text("done", style="dim"))
    for cell in plan.cells[:CELLS_SHOWN]:
        table.add_row(*(cell.labels[axis] for axis in axes), f"{done[cell.cell_id]}/{len(plan.grid.seeds)}")
    if len(plan.cells) > CELLS_SHOWN:
        table.add_row(f"… {len(plan.cells) - CELLS_SHOWN} more")
    return table


def _finished(plan: Plan) -> dict[str, int]:
    counts: dict[str, int] = {}
    for run in plan.runs:
        counts[run.cell_id] = counts.get(run.cell_id, 0) + (run.run_id in plan.finished)
    return counts
