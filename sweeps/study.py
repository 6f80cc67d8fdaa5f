"""What the store keeps of a plan, for tables."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from harness.records import Skipped, Study
from sweeps.cells import select
from sweeps.compose import compose_cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.records import RunRecord
    from sweeps.compose import PlannedCell
    from sweeps.grid import Slice
    from sweeps.plan import Plan


def study(plan: Plan, records: Sequence[RunRecord]) -> Study:
    """The planned cells and seeds, with those that an earlier, fuller sweep of the grid has recorded."""
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
    """The planned cells and, in the grid's order, others whose present settings have runs."""
    planned = {tuple(cell.labels.items()): cell for cell in plan.cells}
    recorded = {tuple(record.labels[axis] for axis in plan.grid.axes if axis in record.labels) for record in records}
    points = [point for point in select(plan.grid, full=True).cells if tuple(point.values()) in recorded]
    if tuned := plan.grid.tuned:  # runs of before there was a tuning may be of models that it does not know
        points = [point for point in points if tuned.knows(point)]
    others = compose_cells(plan.grid, [point for point in points if tuple(point.items()) not in planned]).cells
    ids = {record.cell_id for record in records}
    found = planned | {tuple(cell.labels.items()): cell for cell in others if cell.cell_id in ids}
    order = [tuple(point.items()) for point in select(plan.grid, full=True).cells]
    return [found[point] for point in order if point in found]


def _each(part: Slice) -> Iterator[Skipped]:
    for labels in product(*part.labels.values()):
        yield Skipped(dict(zip(part.labels, labels, strict=True)), part.because)
