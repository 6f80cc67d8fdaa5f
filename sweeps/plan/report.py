"""Print a plan: runs, equivalent cells, power and cost."""

from __future__ import annotations

import shlex
from math import ceil, isinf
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from harness.common import format_cell_count, format_short_duration
from harness.config import list_hints
from harness.records import LEAST_SEEDS
from sweeps.grid import describe_replaced, find_varied_axes, format_labels, list_grid_names
from sweeps.plan.alternatives import alternative_designs
from sweeps.plan.cost_report import GB, cost_lines, format_cost
from sweeps.plan.power import LEAST_PAIRS, find_planned_contrasts
from tricks import list_packages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

    from sweeps.grid import Grid
    from sweeps.plan.plan import Plan


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sweeps.plan.plan import Plan

    Labels = Mapping[str, str]


def twin_lines(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield one line for similar groups of equivalent cells, then what happens to their runs."""
    planned = [cell.labels for cell in plan.cells]
    kinds: dict[tuple[str, str], list[list[Labels]]] = {}
    for each in plan.twins:
        points = [cell.labels for cell in each.cells]
        kinds.setdefault((_alike(points, planned), "; ".join(dict.fromkeys(each.because))), []).append(points)
    for (what, why), classes in kinds.items():
        members = [point for points in classes for point in points]
        where = _where(members, planned, find_varied_axes(classes[0]))
        yield "twins", f"{where}{what}{f' ({len(classes)} groups)' * (len(classes) > 1)}: {why}"
    if plan.spared:
        yield "", _spared(plan)


def no_effect_lines(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield the tricks that have no effect, with the number of cells and the reason."""
    found: dict[tuple[str, str], list[Labels]] = {}
    for cell in plan.cells:
        for trick, reasons in cell.config.update_rule().no_effect_reasons().items():
            found.setdefault((trick, "; ".join(reasons)), []).append(cell.labels)
    for (trick, why), points in found.items():
        yield "idle", f"{trick} cannot act in {format_cell_count(points)}: {why}"


def _alike(points: Sequence[Labels], planned: Sequence[Labels]) -> str:
    """Return ``reward_scale cannot matter``, or which labels of an axis are equivalent."""
    axes = find_varied_axes(points)
    taken = [dict.fromkeys(point[axis] for point in points) for axis in axes]
    known = [{point[axis] for point in planned} for axis in axes]
    if all(len(labels) == len(all_labels) for labels, all_labels in zip(taken, known, strict=True)):
        return f"{' and '.join(axes)} cannot matter"
    return f"{' = '.join(' '.join(point[axis] for axis in axes) for point in points)} on {' and '.join(axes)}"


def _where(points: Sequence[Labels], planned: Sequence[Labels], but: Sequence[str]) -> str:
    """Return the labels of the points on axes where the plan has more labels, as text."""
    parts = []
    for axis in find_varied_axes(planned):
        labels = dict.fromkeys(point[axis] for point in points)
        if axis not in but and len(labels) < len({point[axis] for point in planned}):
            parts.append(f"{axis}={','.join(labels)}")
    return f"{' '.join(parts)}: " if parts else ""


def _spared(plan: Plan) -> str:
    cost = format_cost(plan, plan.spent(plan.spared))
    runs = f"{len(plan.spared)} run{'s' * (len(plan.spared) > 1)}, {cost} of run time"
    if plan.once:
        return f"each class runs once, which saves {runs}; TWINS=keep runs all cells"
    return f"kept as a control, since twins differ only by rounding; TWINS=once saves {runs}"


if TYPE_CHECKING:
    from collections.abc import Iterator

    from sweeps.plan.plan import Plan
    from sweeps.plan.power import PowerAnalysis

    Line = tuple[str, str]


LOST: Final = (
    "a failure caused by the arm counts as the worst outcome of its pair (exact signed-rank test); a run lost to a "
    "node, a disk or a kill counts as missing (docs/evidence/calibration.md)"
)


def power_lines(plan: Plan, effect: float | None) -> Iterator[Line]:
    """Yield the power, the verdicts and cheaper designs.

    ``effect`` is a given effect in the metric's unit, or None.
    """
    found = plan.promise
    if found is None:
        yield "shows", "no comparisons: the grid has no baseline"
        return
    yield "shows", _shows(found)
    yield "noise", _noise(plan, found)
    if effect is not None:
        yield "wished", _wished(found, effect)
    if plan.grid.margin is not None:
        yield "margin", _margin(found, plan.grid.margin)
    if found.seeds < LEAST_SEEDS:
        asked = f"SEEDS=0-{LEAST_SEEDS - 1}"
        yield (
            "verdicts",
            f"exploratory: with fewer than {LEAST_SEEDS} seeds no exact test reaches p < 0.05; {asked} runs six",
        )
    yield "failures", LOST
    for design in alternative_designs(plan, effect):
        shows = f"shows {_number(design.smallest)}" if found.noise.known else "shows as much"
        yield (
            "cheaper",
            f"{design.how}: {design.runs} runs instead of {len(plan.runs)}, {format_cost(plan, design.cost)} "
            "instead of "
            f"{format_cost(plan, plan.spent(plan.runs))}, {shows}",
        )


def _shows(found: PowerAnalysis) -> str:
    if isinf(found.smallest):
        return f"no difference in {found.metric}: one seed has no spread"
    how = f"80 % power with {found.seeds} seeds at {_level(found)}"
    if not found.noise.known:
        return f"a {_kind(found)} in {found.metric} of unknown size: no noise is recorded yet; {how}"
    return f"a {_kind(found)} of {_number(found.smallest)} in {found.metric}: {how}"


def _noise(plan: Plan, found: PowerAnalysis) -> str:
    if found.noise.known:
        return f"paired differences have a standard deviation of {_number(found.noise.std)}, {found.noise.source}"
    return f"{found.noise.source}: too few to estimate the noise; `{_record(plan)}` records enough for the next plan"


def _record(plan: Plan) -> str:
    """Return the command whose runs have LEAST_PAIRS degrees of freedom."""
    grid, cells = plan.grid, [cell.labels for cell in plan.cells]
    pairs = len(find_planned_contrasts(grid, cells)) if grid.baseline else len(cells) - 1
    most = max(ceil(LEAST_PAIRS / max(pairs, 1)), 1)
    if grid.words:
        profile = ["--profile", grid.profile] if grid.profile != "laptop" else []
        return shlex.join(["liteppo", "sweep", *grid.words, *profile, "--seeds", f"0-{most}"])
    name = grid.name if grid.name in list_grid_names() else f"PATH/{grid.name}.yaml"
    words = ["make sweep", f"GRID={name}", f"PROFILE={grid.profile}" * (grid.profile != "laptop"), f"SEEDS=0-{most}"]
    return " ".join(filter(None, words))


def _margin(found: PowerAnalysis, margin: float) -> str:
    unit = f"±{margin:g}, in the unit of {found.metric}"
    if not found.noise.known:
        return f"{unit}; its noise is unknown"
    if found.seeds > 1 and margin <= found.least_margin:
        least = _number(found.least_margin)
        return f"{unit}: too small for {found.seeds} seeds, which call equal arms equivalent above {least}"
    return unit


def _number(value: float) -> str:
    """Return shares with three decimals, and much smaller or larger numbers with three digits."""
    if value == 0 or 0.01 <= abs(value) < 100:
        return f"{value:.3f}"
    return f"{value:.3g}" if abs(value) < 0.01 else f"{value:,.0f}"


def _level(found: PowerAnalysis) -> str:
    if not found.primary:
        return "0.05, exploratory"
    if found.comparisons == 1:
        return "0.05, for the one primary contrast"
    return f"0.05 / {found.comparisons}, the first step of Holm over {found.comparisons} primary contrasts"


def _kind(found: PowerAnalysis) -> str:
    return "difference" if found.cells == 1 else f"main effect ({found.cells} cells on either side)"


def _wished(found: PowerAnalysis, effect: float) -> str:
    if not found.noise.known:
        return f"{effect:g} in {found.metric}: the number of seeds is unknown: no noise is recorded yet"
    needed = found.needed(effect)
    if needed is None:
        return f"no number of seeds detects {effect:g}"
    enough = "; these are enough" if needed <= found.seeds else f"; SEEDS=0-{needed - 1} requests them"
    return f"{effect:g} takes {needed} seeds{enough}"


CELLS_SHOWN: Final = 24


def print_header(console: Console, grid: Grid) -> None:
    """Print what is known before anything is composed: name, profile, question."""
    console.print(Text(f"{grid.name} ({grid.profile})", style="bold"))
    console.print(Text(grid.question))


def print_plan(console: Console, plan: Plan, slots: int | None, effect: float | None = None) -> None:
    """Print the runs, cost, power, skipped and equivalent cells, and the table of cells.

    Args:
        console: where to print
        plan: the plan
        slots: the number of parallel runs, None for a Ray cluster
        effect: a given effect in the metric's unit, or None

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
    yield from power_lines(plan, effect)
    yield from _foreign(plan)
    for line in describe_replaced(plan.grid, [cell.labels for cell in plan.cells]):
        yield "replaced", line
    yield from _hints(plan)
    yield from _judges(plan)
    yield from _left_out(plan)
    yield from no_effect_lines(plan)
    yield from twin_lines(plan)


def _foreign(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield the tricks of other packages, with the package of each."""
    named = {name for cell in plan.cells for name in cell.config.tricks}
    for name, package in sorted(list_packages().items()):
        if name in named:
            yield "foreign", f"{name}, of the package {package}"


def _hints(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield each hint once, with the number of cells that have it."""
    found: dict[str, list[Mapping[str, str]]] = {}
    for cell in plan.cells:
        for hint in list_hints(cell.config):
            found.setdefault(hint, []).append(cell.labels)
    for hint, cells in found.items():
        yield "hint", f"{format_cell_count(cells)}: {hint}" if len(cells) < len(plan.cells) else hint


def _judges(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield the judges of responses where arms have different ones; each scores its own arm."""
    found: dict[str, list[Mapping[str, str]]] = {}
    for cell in plan.cells:
        reward = cell.config.reward
        name = f"the verifier with open_box={reward.open_box}"
        if reward.source is not None:
            name = f"{reward.source.target} (SHA-256 {reward.source.sha256[:8]}) with right_from={reward.right_from:g}"
        found.setdefault(name, []).append(cell.labels)
    if len(found) > 1:
        named = "; ".join(f"{name} in {format_cell_count(cells)}" for name, cells in found.items())
        yield "judges", f"{len(found)} of them, so differences in scores are partly theirs: {named}"


def _left_out(plan: Plan) -> Iterator[tuple[str, str]]:
    for part, points in plan.skipped:
        where = " ".join(f"{axis}={','.join(labels)}" for axis, labels in part.labels.items())
        yield "skipped", f"{format_cell_count(points)} {where}: {part.because}"
    reasons: dict[str, list[Mapping[str, str]]] = {}
    for refusal in plan.refused:
        reasons.setdefault(refusal.because, []).append(refusal.labels)
    for reason, refused in reasons.items():
        yield "refused", f"{format_cell_count(refused)} {_shared(refused)}: {reason}"


def _shared(points: Sequence[Mapping[str, str]]) -> str:
    differing = find_varied_axes(points)
    return format_labels({axis: label for axis, label in points[0].items() if axis not in differing}) or "all axes"


def _cells(plan: Plan) -> Table:
    axes = find_varied_axes([cell.labels for cell in plan.cells]) or list(plan.grid.axes)
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
    return ("per run", "GPU-h", "GB", "fits") if plan.costs else ("per run",)


def _cost(plan: Plan, cell_id: str) -> tuple[str, ...]:
    """Return the time of a run of the cell; on GPUs also GPU-hours, memory, and if it fits."""
    if not plan.costs:
        return (
            format_short_duration(
                next((run.seconds for run in (*plan.runs, *plan.spared) if run.cell_id == cell_id), 0.0)
            ),
        )
    cost = plan.costs[cell_id]
    if cost is None:
        return "?", "?", "?", "?"
    hours = f"{cost.gpu_seconds / 3600:,.0f}"
    return format_short_duration(cost.seconds), hours, f"{cost.memory.peak / GB:.0f}", "no" if cost.unfit else "yes"


def _finished(plan: Plan) -> dict[str, int]:
    counts: dict[str, int] = {}
    for run in plan.runs:
        counts[run.cell_id] = counts.get(run.cell_id, 0) + (run.run_id in plan.finished)
    return counts
