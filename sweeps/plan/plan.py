"""Plan a sweep: finished and unfinished runs, and skipped, refused and equivalent cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Final

from harness.common import SchemaError
from harness.config import ExperimentConfig
from harness.records import CONTROL_AXIS, CONTROL_OFF, RunHead, Skipped, Study, find_engine_versions, suggest_scores
from harness.training import predict_score_names
from sweeps.cost import GpuCost, GpuSpeed
from sweeps.equivalence import Twins, find_twins
from sweeps.grid import Grid, GridSlice, PlannedCell, compose_cells, find_varied_axes, format_labels, select_cells
from sweeps.plan.estimate import RunSpeed
from sweeps.plan.power import PowerAnalysis, PriorStudy, analyze_power, estimate_noise

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from harness.records import RunRecord
    from sweeps.cost import Cluster


LISTED: Final = 4  # cells to name in a message


def refuse_unknown_scores(grid: Grid, cells: Sequence[PlannedCell]) -> None:
    """Raise SchemaError for a ``metric`` that some of the planned runs will not record.

    The metrics are those of the grid and of its controls.
    """
    names = {cell.cell_id: predict_score_names(cell.config).all for cell in cells}
    faults = [
        f"{grid.file}: {place}: {fault}"
        for place, metric, some in _decisions(grid, cells)
        if (fault := _fault(metric, some, names))
    ]
    if faults:
        raise SchemaError("\n".join(faults))


def _decisions(grid: Grid, cells: Sequence[PlannedCell]) -> Iterator[tuple[str, str, Sequence[PlannedCell]]]:
    """Yield the place of each metric, the metric, and the planned cells that it is read from."""
    yield "metric", grid.metric, [cell for cell in cells if cell.labels.get(CONTROL_AXIS, CONTROL_OFF) == CONTROL_OFF]
    for control in grid.controls:
        if control.metric != grid.metric:
            without = {**control.labels, CONTROL_AXIS: CONTROL_OFF}
            place = f"controls.{control.name}.metric"
            yield place, control.metric, [cell for cell in cells if cell.labels in (control.labels, without)]


def _fault(metric: str, cells: Sequence[PlannedCell], names: Mapping[str, frozenset[str]]) -> str | None:
    """Return what is wrong with a metric, or None.

    The text names the nearest scores that all these cells record.
    """
    lacking = [cell for cell in cells if metric not in names[cell.cell_id]]
    if not lacking:
        return None
    shared = frozenset[str].intersection(*(names[cell.cell_id] for cell in cells))
    instead = suggest_scores(metric, shared)
    if len(lacking) == len(cells):
        return f"no run of this grid records the score {metric!r}; {instead}"
    axes = find_varied_axes([cell.labels for cell in cells])
    cut = [format_labels({axis: cell.labels[axis] for axis in axes}) for cell in lacking[:LISTED]]
    more = f" and {len(lacking) - LISTED} more" if len(lacking) > LISTED else ""
    return (
        f"{len(lacking)} of {len(cells)} cells do not record the score {metric!r}: {'; '.join(cut)}{more}; "
        f"a metric is a score of every cell; {instead}"
    )


def build_study(plan: Plan, records: Sequence[RunRecord]) -> Study:
    """Return the study of a plan, with its cells and seeds.

    Cells and seeds that an earlier, larger sweep of the grid has recorded are included.
    """
    grid = plan.grid
    here = [record for record in records if record.profile == grid.profile]
    cells = _with_recorded(plan, here)
    known = {cell.cell_id for cell in cells}
    return Study(
        name=grid.name,
        profile=grid.profile,
        question=grid.question,
        metric=grid.metric,
        axes={axis: tuple(labels) for axis, labels in grid.axes.items()},
        baseline=grid.baseline,
        seeds=tuple(sorted({*grid.seeds, *(record.seed for record in here if record.cell_id in known)})),
        cells=tuple(cell.labels for cell in cells),
        cell_ids=tuple(cell.cell_id for cell in cells),
        skipped=tuple(entry for part, _ in plan.skipped for entry in _each(part)),
        refused=plan.refused,
        twins=tuple(tuple(cell.labels for cell in group.cells) for group in plan.twins),
        because=tuple(group.because for group in plan.twins),
        once=plan.once,
        primary=None if grid.primary is None else tuple(part.labels for part in grid.primary),
        margin=grid.margin,
        controls=grid.controls,
        fraction=grid.fraction,
        choices=grid.choices,
        feeds=grid.feeds,
        tuning=str(grid.tuned) if grid.tuned else None,
    )


def _with_recorded(plan: Plan, records: Sequence[RunRecord]) -> list[PlannedCell]:
    """Return the planned cells and others whose current settings have runs, in the grid's order."""
    planned = {tuple(cell.labels.items()): cell for cell in plan.cells}
    recorded = {tuple(record.labels[axis] for axis in plan.grid.axes if axis in record.labels) for record in records}
    points = [point for point in select_cells(plan.grid, full=True).cells if tuple(point.values()) in recorded]
    if tuned := plan.grid.tuned:  # runs from before the tuning may have models that it does not know
        points = [point for point in points if tuned.knows(point)]
    others = compose_cells(plan.grid, [point for point in points if tuple(point.items()) not in planned]).cells
    ids = {record.cell_id for record in records}
    found = planned | {tuple(cell.labels.items()): cell for cell in others if cell.cell_id in ids}
    order = [tuple(point.items()) for point in select_cells(plan.grid, full=True).cells]
    return [found[point] for point in order if point in found]


def _each(part: GridSlice) -> Iterator[Skipped]:
    for labels in product(*part.labels.values()):
        yield Skipped(dict(zip(part.labels, labels, strict=True)), part.because)


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A cell with a seed: everything that a worker needs."""

    run_id: str
    cell_id: str
    study: str
    profile: str
    labels: Mapping[str, str]
    config: ExperimentConfig
    provenance: Mapping[str, str]
    seconds: float  # expected

    @property
    def steps(self) -> int:
        """The number of its training steps."""
        return self.config.steps

    @property
    def head(self) -> RunHead:
        """The run as the store shows it from its first step."""
        rule = {hook: tuple(lines) for hook, lines in self.config.update_rule().describe().items()}
        config, seed = asdict(self.config), self.config.seed
        return RunHead(
            self.run_id, self.cell_id, self.study, self.profile, self.labels, seed, config, rule, self.provenance
        )

    @property
    def folder(self) -> str:
        """The name of its folder in results/runs.

        Two studies may have the same run; each keeps its own record.
        """
        return f"{self.study}.{self.run_id}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All runs of the chosen cells, in the grid's order, and the reasons for missing cells."""

    grid: Grid
    cells: tuple[PlannedCell, ...]
    runs: tuple[PlannedRun, ...]
    finished: frozenset[str]  # run ids
    crossed: int  # cells of the full cross
    skipped: tuple[tuple[GridSlice, tuple[Mapping[str, str], ...]], ...]
    refused: tuple[Skipped, ...]
    twins: tuple[Twins, ...]
    once: bool  # True if only the first of equivalent cells runs
    spared: tuple[PlannedRun, ...]  # the runs of the other equivalent cells; not in ``runs`` if ``once``
    speed: RunSpeed | GpuSpeed
    costs: Mapping[str, GpuCost | None]  # cell id -> cost of a run, where GPUs run it
    promise: PowerAnalysis | None  # the power of the grid's comparisons; None without a comparison

    @property
    def to_run(self) -> tuple[PlannedRun, ...]:
        """The unfinished runs, the longest first, so that all cores end at about the same time."""
        waiting = (run for run in self.runs if run.run_id not in self.finished)
        return tuple(sorted(waiting, key=lambda run: -run.seconds))

    def spent(self, runs: Iterable[PlannedRun]) -> float:
        """Return the GPU-seconds of runs on GPUs, and the seconds of others."""
        costs = ((run, self.costs.get(run.cell_id)) for run in runs)
        return sum(cost.gpu_seconds if cost else run.seconds for run, cost in costs)


def make_plan(
    grid: Grid,
    full: bool,
    finished: Collection[str],
    records: Sequence[RunRecord],
    provenance: Mapping[str, str],
    once: bool = False,
    others: Sequence[PriorStudy] = (),
    cluster: Cluster | None = None,
) -> Plan:
    """Compose the grid's cells and compare them with finished runs.

    Args:
        grid: the grid
        full: cross all axes; otherwise only the quick slices
        finished: ids of finished runs
        records: the recorded runs of this study
        provenance: the code, packages and machine
        once: leave out all but the first of equivalent cells
        others: prior studies, for noise and speed where this study has too few runs
        cluster: the GPUs of the runs, or None for this machine

    Returns:
        The plan.

    Raises:
        SchemaError: a cell cannot be composed, or a metric is not recorded.

    """
    selection = select_cells(grid, full)
    composed = compose_cells(grid, selection.cells)
    refuse_unknown_scores(grid, composed.cells)
    found = find_twins(composed.cells, grid.baseline)
    different = {cell.cell_id: cell for cell in reversed(composed.cells)}  # the first of equal cells
    speed = _speed(records, others, different, cluster)
    costs = _costs(speed, different)
    about = {**provenance, **(grid.tuned.provenance if grid.tuned else {})}
    every = [
        run
        for cell in composed.cells
        if cell is different[cell.cell_id]
        for run in _runs(grid, cell, about, _seconds(speed, costs, cell))
    ]
    again = {cell.cell_id for each in found for cell in each.cells if cell.cell_id != each.cells[0].cell_id}
    runs = tuple(run for run in every if not (once and run.cell_id in again))
    return Plan(
        grid=grid,
        cells=composed.cells,
        runs=runs,
        finished=frozenset(run.run_id for run in runs) & frozenset(finished),
        crossed=selection.crossed,
        skipped=selection.skipped,
        refused=composed.refused,
        twins=found,
        once=once,
        spared=tuple(run for run in every if run.cell_id in again),
        speed=speed,
        costs=costs,
        promise=_promise(grid, composed.cells, again if once else frozenset(), records, others),
    )


def _runs(grid: Grid, cell: PlannedCell, about: Mapping[str, str], seconds: float) -> Iterator[PlannedRun]:
    """Yield one run per seed."""
    about = {**about, **find_engine_versions(cell.config.backend)}
    for seed in grid.seeds:
        run_id, config = f"{cell.cell_id}-s{seed}", replace(cell.config, seed=seed)
        yield PlannedRun(run_id, cell.cell_id, grid.name, grid.profile, cell.labels, config, about, seconds)


def _speed(
    records: Sequence[RunRecord],
    others: Sequence[PriorStudy],
    cells: Mapping[str, PlannedCell],
    cluster: Cluster | None,
) -> RunSpeed | GpuSpeed:
    if cluster is None:
        return RunSpeed.of([*records, *(record for pilot in others for record in pilot.records)])
    return GpuSpeed.of(records, {cell_id: cell.config for cell_id, cell in cells.items()}, cluster)


def _costs(speed: RunSpeed | GpuSpeed, cells: Mapping[str, PlannedCell]) -> Mapping[str, GpuCost | None]:
    if isinstance(speed, RunSpeed):
        return {}
    return {cell_id: speed.cost(cell.config) for cell_id, cell in cells.items()}


def _seconds(speed: RunSpeed | GpuSpeed, costs: Mapping[str, GpuCost | None], cell: PlannedCell) -> float:
    """Return the expected seconds of one run; 0 where nothing is known."""
    if isinstance(speed, RunSpeed):
        return speed.seconds(cell.config)
    cost = costs[cell.cell_id]
    return cost.seconds if cost else 0.0


def _promise(
    grid: Grid,
    cells: Sequence[PlannedCell],
    left_out: Collection[str],
    records: Sequence[RunRecord],
    others: Sequence[PriorStudy],
) -> PowerAnalysis | None:
    """Return the power of the cells that run.

    Runs of earlier settings do not count for the noise.
    """
    ids = {cell.cell_id for cell in cells}
    own = PriorStudy(grid.name, grid.baseline, [record for record in records if record.cell_id in ids])
    models = tuple(dict.fromkeys(cell.config.model.path for cell in cells))
    spread = estimate_noise(grid.metric, own, others, grid.profile, models)
    return analyze_power(grid, [cell.labels for cell in cells if cell.cell_id not in left_out], spread)
