"""A plan in words, for terminals of any width and for files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from harness.hints import hints
from sweeps.arms import replaced
from sweeps.cells import varied, words
from sweeps.cost_report import GB, cost_lines
from sweeps.phrases import count, short
from sweeps.promise_report import promise_lines
from sweeps.twin_report import inert_lines, twin_lines
from tricks.packages import packages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

    from sweeps.grid import Grid
    from sweeps.plan import Plan

CELLS_SHOWN: Final = 24


def print_header(console: Console, grid: Grid) -> None:
    """What is known before anything is composed: name, profile, question."""
    console.print(Text(f"{grid.name} ({grid.profile})", style="bold"))
    console.print(Text(grid.question))


def print_plan(console: Console, plan: Plan, slots: int | None, effect: float | None = None) -> None:
    """Runs, cost, what the plan can show, what is left out and why, twins, cells.

    ``slots``: runs at once, None for a Ray cluster. ``effect``: a wished one, in the metric's unit.
    """
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, style="cyan")
    table.add_column(overflow="fold")
    for title, line in _lines(plan, slots, effect):
        table.add_row(title, Text(line))
    console.print(table)
    console.print(_cells(plan))


def _lines(plan: Plan, slots: int | None, effect: float | None) -> Iterator[tuple[str, str]]:
    runs, cells, seeds = len(plan.runs), len(plan.cells), len(plan.grid.seeds)
    run = runs // seeds
    part = f"{run} of " if run < cells else ""
    yield "runs", f"{runs}: {part}{cells} cells x {seeds} seed{'s' * (seeds > 1)}"
    considered = cells + len(plan.refused) + sum(len(points) for _, points in plan.skipped)
    if considered < plan.crossed:
        yield "part", f"{considered} of {plan.crossed} cells, the quick slices; FULL=1 crosses all"
    yield "finished", str(len(plan.finished))
    yield "to run", str(len(plan.to_run))
    yield from cost_lines(plan, slots)
    yield from promise_lines(plan, effect)
    yield from _foreign(plan)
    for line in replaced(plan.grid, [cell.labels for cell in plan.cells]):
        yield "replaced", line
    yield from _hints(plan)
    yield from _judges(plan)
    yield from _left_out(plan)
    yield from inert_lines(plan)
    yield from twin_lines(plan)


def _foreign(plan: Plan) -> Iterator[tuple[str, str]]:
    """Tricks that are not of this project, with the package each comes from."""
    named = {name for cell in plan.cells for name in cell.config.tricks}
    for name, package in sorted(packages().items()):
        if name in named:
            yield "foreign", f"{name}, of the package {package}"


def _hints(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield each hint once, with the number of cells that have it."""
    found: dict[str, list[Mapping[str, str]]] = {}
    for cell in plan.cells:
        for hint in hints(cell.config):
            found.setdefault(hint, []).append(cell.labels)
    for hint, cells in found.items():
        yield "hint", f"{count(cells)}: {hint}" if len(cells) < len(plan.cells) else hint


def _judges(plan: Plan) -> Iterator[tuple[str, str]]:
    """The judges of responses, where arms have different ones: each scores its own arm."""
    found: dict[str, list[Mapping[str, str]]] = {}
    for cell in plan.cells:
        reward = cell.config.reward
        name = f"the verifier with open_box={reward.open_box}"
        if reward.source is not None:
            name = f"{reward.source.target} (SHA-256 {reward.source.sha256[:8]}) with right_from={reward.right_from:g}"
        found.setdefault(name, []).append(cell.labels)
    if len(found) > 1:
        named = "; ".join(f"{name} in {count(cells)}" for name, cells in found.items())
        yield "judges", f"{len(found)} of them, so that a difference in scores is partly theirs: {named}"


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
    costs = {cell.cell_id: _cost(plan, cell.cell_id) for cell in plan.cells[:CELLS_SHOWN]}
    table = Table.grid(padding=(0, 1))
    for _ in axes:
        table.add_column(overflow="fold")
    for _ in (*_cost_titles(plan), "done"):
        table.add_column(justify="right", no_wrap=True)
    table.add_row(*(Text(title, style="dim") for title in (*axes, *_cost_titles(plan), "done")))
    for cell in plan.cells[:CELLS_SHOWN]:
        labels = (cell.labels[axis] for axis in axes)
        table.add_row(*labels, *costs[cell.cell_id], f"{done[cell.cell_id]}/{len(plan.grid.seeds)}")
    if len(plan.cells) > CELLS_SHOWN:
        table.add_row(f"… {len(plan.cells) - CELLS_SHOWN} more")
    return table


def _cost_titles(plan: Plan) -> tuple[str, ...]:
    return ("a run", "GPU-h", "GB", "fits") if plan.costs else ("a run",)


def _cost(plan: Plan, cell_id: str) -> tuple[str, ...]:
    """Time of a run of the cell; on GPUs also GPU-hours, memory of one, and whether it fits."""
    if not plan.costs:
        return (short(next((run.seconds for run in (*plan.runs, *plan.spared) if run.cell_id == cell_id), 0.0)),)
    cost = plan.costs[cell_id]
    if cost is None:
        return "?", "?", "?", "?"
    hours = f"{cost.gpu_seconds / 3600:,.0f}"
    return short(cost.seconds), hours, f"{cost.memory.peak / GB:.0f}", "no" if cost.unfit else "yes"


def _finished(plan: Plan) -> dict[str, int]:
    counts: dict[str, int] = {}
    for run in plan.runs:
        counts[run.cell_id] = counts.get(run.cell_id, 0) + (run.run_id in plan.finished)
    return counts
