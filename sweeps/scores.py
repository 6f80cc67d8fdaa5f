"""Refuse a grid that decides by a score which its runs will not have, before any of them starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.records import CONTROL, OFF, nearest_scores
from harness.schema import SchemaError
from harness.score_names import score_names
from sweeps.cells import varied, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sweeps.compose import PlannedCell
    from sweeps.grid import Grid

LISTED: Final = 4  # cells that a message names


def refuse_unknown_scores(grid: Grid, cells: Sequence[PlannedCell]) -> None:
    """Raise SchemaError for a ``metric`` of the grid or of a control that some of the planned runs will not record."""
    names = {cell.cell_id: score_names(cell.config).all for cell in cells}
    faults = [
        f"{grid.file}: {place}: {fault}"
        for place, metric, some in _decisions(grid, cells)
        if (fault := _fault(metric, some, names))
    ]
    if faults:
        raise SchemaError("\n".join(faults))


def _decisions(grid: Grid, cells: Sequence[PlannedCell]) -> Iterator[tuple[str, str, Sequence[PlannedCell]]]:
    """Yield where each metric is written, the metric, and the planned cells that it is read from."""
    yield "metric", grid.metric, [cell for cell in cells if cell.labels.get(CONTROL, OFF) == OFF]
    for control in grid.controls:
        if control.metric != grid.metric:
            without = {**control.labels, CONTROL: OFF}
            place = f"controls.{control.name}.metric"
            yield place, control.metric, [cell for cell in cells if cell.labels in (control.labels, without)]


def _fault(metric: str, cells: Sequence[PlannedCell], names: Mapping[str, frozenset[str]]) -> str | None:
    """Say what is wrong with a metric, and the nearest names that all these cells have."""
    lacking = [cell for cell in cells if metric not in names[cell.cell_id]]
    if not lacking:
        return None
    shared = frozenset[str].intersection(*(names[cell.cell_id] for cell in cells))
    instead = nearest_scores(metric, shared)
    if len(lacking) == len(cells):
        return f"no run of this grid records the score {metric!r}; {instead}"
    axes = varied([cell.labels for cell in cells])
    cut = [words({axis: cell.labels[axis] for axis in axes}) for cell in lacking[:LISTED]]
    more = f" and {len(lacking) - LISTED} more" if len(lacking) > LISTED else ""
    return (
        f"{len(lacking)} of {len(cells)} cells do not record the score {metric!r}: {'; '.join(cut)}{more}; "
        f"a metric is a score of every cell; {instead}"
    )
