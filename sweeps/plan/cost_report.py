"""The cost of a plan in words: time, processor or GPU hours, memory, and what does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.common import format_cell_count, format_duration, format_gpu_hours
from sweeps.cost import DEFAULTS, GpuSpeed, find_shape, is_base
from sweeps.grid import find_varied_axes, format_labels
from sweeps.plan.estimate import START_SECONDS, makespan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sweeps.cost import GpuCost
    from sweeps.grid import PlannedCell
    from sweeps.plan.estimate import RunSpeed
    from sweeps.plan.plan import Plan, PlannedRun

    Line = tuple[str, str]

GB: Final = 1e9
ANOTHER: Final = "CLUSTER=2x8xH100 plans for another cluster"
ENGINES: Final = "vLLM and DeepSpeed take turns on the same GPUs; the model is fitted to published runs, not to ours"


def cost_lines(plan: Plan, slots: int | None) -> Iterator[Line]:
    """Yield the lines of a plan's cost.

    ``slots`` is the number of parallel runs on this machine, None for a Ray cluster.
    """
    if isinstance(plan.speed, GpuSpeed):
        yield from _on_gpus(plan, plan.speed)
    elif plan.to_run:
        yield "time", f"about {_time(plan.to_run, slots)}, {plan.speed.source}"
        yield "hours", f"{format_duration(plan.spent(plan.to_run))} of CPU time in total, {_each(plan.to_run)} per run"
        yield "memory", _memory(plan, plan.speed)


def format_cost(plan: Plan, cost: float) -> str:
    """Return a cost as text in the plan's unit."""
    return format_gpu_hours(cost) if plan.costs else format_duration(cost)


def _time(runs: Sequence[PlannedRun], slots: int | None) -> str:
    seconds = [run.seconds for run in runs]
    if slots is None:
        return f"{format_duration(sum(seconds))} of runs, divided by the number of runs in parallel"
    return (
        f"{format_duration(START_SECONDS + makespan(seconds, slots))} on free cores, {slots} run{'s' * (slots > 1)} "
        "at once"
    )


def _each(runs: Sequence[PlannedRun]) -> str:
    least, most = min(run.seconds for run in runs), max(run.seconds for run in runs)
    return (
        format_duration(most)
        if format_duration(least) == format_duration(most)
        else f"{format_duration(least)} to {format_duration(most)}"
    )


def _memory(plan: Plan, speed: RunSpeed) -> str:
    known = {cell.config.model.path: speed.memory_of(cell.config) for cell in plan.cells}
    if sizes := [size for size in known.values() if size]:
        unknown = ", ".join(path for path, size in known.items() if not size)
        return f"{max(sizes) / GB:.1f} GB per run at most" + (f"; unknown for {unknown}" if unknown else "")
    return "unknown before the first run"


def _on_gpus(plan: Plan, speed: GpuSpeed) -> Iterator[Line]:
    known = {cell_id: cost for cell_id, cost in plan.costs.items() if cost}
    usual = f", the default; {ANOTHER}" if speed.cluster in DEFAULTS.values() else ""
    yield "cluster", f"{speed.cluster}{usual}"
    yield from _unknown(plan)
    if not known:
        return
    waiting = [run for run in plan.to_run if run.cell_id in known]
    if waiting:
        at_once = max(speed.cluster.gpus // max(cost.part.gpus for cost in known.values()), 1)
        clock = format_duration(makespan([run.seconds for run in waiting], at_once))
        yield "time", f"about {clock}, {at_once} run{'s' * (at_once > 1)} at once, {speed.source}"
        yield "hours", f"{format_gpu_hours(plan.spent(waiting))} in total, {_gpu_hours_each(known)} per run"
    yield "memory", _gpu_memory(list(known.values()))
    yield from _fit(plan, known)
    yield "length", _length(plan, speed, known)
    yield "engines", ENGINES


def _unknown(plan: Plan) -> Iterator[Line]:
    paths = dict.fromkeys(cell.config.model.path for cell in plan.cells if not find_shape(cell.config.model.path))
    for path in paths:
        cells = [cell for cell in plan.cells if cell.config.model.path == path]
        yield "unknown", f"{format_cell_count(cells)}: the shape of {path}; give a folder with its config.json"


def _gpu_hours_each(costs: Mapping[str, GpuCost]) -> str:
    least, most = (format_gpu_hours(pick(cost.gpu_seconds for cost in costs.values())) for pick in (min, max))
    return most if least == most else f"{least.removesuffix(' GPU-hours')} to {most}"


def _gpu_memory(costs: Sequence[GpuCost]) -> str:
    training, sampling = (
        max(pick) / GB for pick in zip(*((c.memory.training, c.memory.sampling) for c in costs), strict=True)
    )
    whole = costs[0].part.device.memory / GB
    return f"at most {training:.0f} GB per GPU while training and {sampling:.0f} GB while sampling, of {whole:.0f} GB"


def _fit(plan: Plan, costs: Mapping[str, GpuCost]) -> Iterator[Line]:
    kinds: dict[tuple[str, tuple[str, ...]], list[PlannedCell]] = {}
    for cell in plan.cells:
        cost = costs.get(cell.cell_id)
        if cost and cost.unfit:
            kinds.setdefault((f"{cost.unfit} on {cost.part}", cost.instead), []).append(cell)
    if not kinds:
        yield "fit", f"all cells fit; each run uses {next(iter(costs.values())).part}"
    for (why, instead), cells in kinds.items():
        yield "no fit", f"{format_cell_count(cells)}{_shared(cells, plan.cells)}: {why}; {format_way_out(instead)}"


def format_way_out(instead: Sequence[str]) -> str:
    """Return the settings or clusters with which a run would fit, in words."""
    separator = ", or " if any(", " in other for other in instead) else " or "
    known = "no engine setting and no known cluster is large enough"
    return f"{separator.join(instead)} would do" if instead else known


def _shared(cells: Sequence[PlannedCell], planned: Sequence[PlannedCell]) -> str:
    """Return the labels that only these cells have in common, as text."""
    differing = find_varied_axes([cell.labels for cell in cells])
    alike = {
        axis: cells[0].labels[axis]
        for axis in find_varied_axes([cell.labels for cell in planned])
        if axis not in differing
    }
    return f" {format_labels(alike)}" if alike else ""


def _length(plan: Plan, speed: GpuSpeed, costs: Mapping[str, GpuCost]) -> str:
    parts: dict[str, None] = {}
    for cell in plan.cells:
        config, cost = cell.config, costs.get(cell.cell_id)
        plain = {"model": {"path": config.model.path, "prompt_form": config.model.prompt_form}}
        if cost:
            kind = "base" if is_base(plain) else "aligned"
            limit = config.rollout.max_response_length
            parts[f"{cost.length:,.0f} of at most {limit:,} tokens per response ({kind})"] = None
    how = "as recorded" if speed.lengths.factors else "assumed; see docs/guides/planning.md"
    return f"{', '.join(parts)}, {how}"
