"""The cells of a grid: the crossed axes, without skipped cells or outside the quick slices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from harness.records.record import CONTROL_AXIS, CONTROL_OFF
from sweeps.grid.file import is_in_fraction
from sweeps.grid.grid import GridSlice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sweeps.grid.grid import Grid


@dataclass(frozen=True, slots=True)
class Selection:
    """The cells that a sweep considers, as labels."""

    cells: tuple[Mapping[str, str], ...]
    skipped: tuple[tuple[GridSlice, tuple[Mapping[str, str], ...]], ...]  # a slice with the cells that it skips
    crossed: int  # number of cells of the full cross, skipped ones included


def select_cells(grid: Grid, full: bool) -> Selection:
    """Cross the axes. Unless ``full``, only the quick slices count, if the grid has any."""
    points = [point for point in _crossed(grid) if _planned(grid, point)]
    chosen = [point for point in points if full or not grid.quick or _quick(grid, point)]
    reasons = [next((part for part in grid.skip if part.covers(point)), None) for point in chosen]
    kept = tuple(point for point, reason in zip(chosen, reasons, strict=True) if reason is None)
    skipped = tuple(
        (part, tuple(point for point, reason in zip(chosen, reasons, strict=True) if reason is part))
        for part in grid.skip
    )
    return Selection(kept, tuple(entry for entry in skipped if entry[1]), len(points))


def _crossed(grid: Grid) -> Iterator[dict[str, str]]:
    return (dict(zip(grid.axes, labels, strict=True)) for labels in product(*grid.axes.values()))


def _planned(grid: Grid, point: Mapping[str, str]) -> bool:
    """Return True for a control at its own cell, and for other cells in the grid's fraction."""
    if point.get(CONTROL_AXIS, CONTROL_OFF) != CONTROL_OFF:
        return any(control.labels == point for control in grid.controls)
    return is_in_fraction(point, grid.axes, grid.fraction)


def _quick(grid: Grid, point: Mapping[str, str]) -> bool:
    """Return True if a quick slice covers the cell; it also covers the controls of its cells."""
    return any(part.covers(point) for part in grid.quick)


def list_overrides(grid: Grid, point: Mapping[str, str]) -> tuple[str, ...]:
    """Return the Hydra overrides of a cell: common ones, tuned ones, and those of its labels.

    Raises SchemaError where the grid uses a tuning of other models.
    """
    tuned = grid.tuned.overrides(point) if grid.tuned else ()
    return (*grid.overrides, *tuned, *(word for axis, label in point.items() for word in grid.axes[axis][label]))


def find_varied_axes(points: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the axes on which the cells differ."""
    axes = points[0] if points else ()
    return [axis for axis in axes if len({point[axis] for point in points}) > 1]


def format_labels(labels: Mapping[str, str]) -> str:
    """Return labels as text, such as ``norm=group reward_scale=zero_one``."""
    return " ".join(f"{axis}={label}" for axis, label in labels.items())
