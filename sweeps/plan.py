"""What a sweep would do: runs finished and to run, cells skipped, refused and twinned, and the minutes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from harness.config import ExperimentConfig
from harness.records import RunHead, Skipped
from sweeps.cells import select
from sweeps.compose import PlannedCell, compose_cells
from sweeps.estimate import Speed
from sweeps.grid import Grid, Slice
from sweeps.twins import Twins, twins

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from harness.records import RunRecord


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A cell with a seed: all that a worker has to know."""

    run_id: str
    cell_id: str
    study: str
    profile: str
    labels: Mapping[str, str]
    config: ExperimentConfig
    provenance: Mapping[str, str]
    seconds: float  # expected

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
        """Its folder's name in results/runs. Two studies may hold the same run; each keeps its own record."""
        return f"{self.study}.{self.run_id}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All runs of the chosen cells, in the grid's order, and why others are missing."""

    grid: Grid
    cells: tuple[PlannedCell, ...]
    runs: tuple[PlannedRun, ...]
    finished: frozenset[str]  # run ids
    crossed: int  # cells of the full cross
    skipped: tuple[tuple[Slice, tuple[Mapping[str, str], ...]], ...]
    refused: tuple[Skipped, ...]
    twins: tuple[Twins, ...]
    once: bool  # whether twins but the first of each class are left out
    spared: tuple[PlannedRun, ...]  # their runs, which are not among ``runs`` then
    speed: Speed

    @property
    def to_run(self) -> tuple[PlannedRun, ...]:
        """What is not finished, the longest first, so that the cores end together."""
        waiting = (run for run in self.runs if run.run_id not in self.finished)
        return tuple(sorted(waiting, key=lambda run: -run.seconds))


def make_plan(
    grid: Grid,
    full: bool,
    finished: Collection[str],
    records: Sequence[RunRecord],
    provenance: Mapping[str, str],
    once: bool = False,
) -> Plan:
    """Compose the grid's cells and compare them with what is finished. Raises SchemaError where the grid is wrong."""
    selection, speed = select(grid, full), Speed.of(records)
    composed = compose_cells(grid, selection.cells)
    found = twins(composed.cells, grid.baseline)
    different = {cell.cell_id: cell for cell in reversed(composed.cells)}  # of equal cells the first
    every = [
        _run(grid, cell, seed, provenance, speed)
        for cell in composed.cells
        if cell is different[cell.cell_id]
        for seed in grid.seeds
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
    )


def _run(grid: Grid, cell: PlannedCell, seed: int, provenance: Mapping[str, str], speed: Speed) -> PlannedRun:
    config = replace(cell.config, seed=seed)  # composing costs 0.1 s, replacing nothing
    seconds, about = speed.seconds(config), {**provenance, **(grid.tuned.provenance if grid.tuned else {})}
    return PlannedRun(config.run_id(), cell.cell_id, grid.name, grid.profile, cell.labels, config, about, seconds)
