"""The cells of a grid, and their checked configs.

A config that cannot be composed is an error of the grid; one that a rule refuses is a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

from harness.common import SchemaError
from harness.config import ExperimentConfig, check_config, compose_config, compose_fast, load_config
from harness.models import ModelError, check_model
from harness.records import CONTROL_AXIS, CONTROL_OFF, Skipped
from sweeps.grid.file import is_in_fraction
from sweeps.grid.grid import GridSlice
from tricks import TrickError, find_preset, find_trick, make_trick
from tricks.dialects import NO_DIALECT, find_dialect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """A cell with its config; the config's seed is 0 and has no meaning."""

    labels: Mapping[str, str]
    config: ExperimentConfig
    cell_id: str


@dataclass(frozen=True, slots=True)
class Composed:
    """The cells that can run, and those that a rule refuses."""

    cells: tuple[PlannedCell, ...]
    refused: tuple[Skipped, ...]


def compose_cells(grid: Grid, points: Iterable[Mapping[str, str]]) -> Composed:
    """Compose each cell once. Raises SchemaError that names the axis and label at fault.

    Cells whose settings have the same effect have the same id and share their runs.
    """
    cells, refused = list[PlannedCell](), list[Skipped]()
    for point in points:
        try:
            config = check_config(compose_fast(list_overrides(grid, point)))
            check_model(config.model.path)
            if grid.tuned:
                grid.tuned.check(point, config)
        except TrickError as error:
            _refuse_typos(grid, point)
            refused.append(Skipped(point, str(error)))
        except (SchemaError, ModelError) as error:
            _refuse_typos(grid, point)
            raise SchemaError(f"{grid.file}: {format_labels(point)}: {error}") from None
        else:
            cells.append(PlannedCell(point, config, config.cell_id()))
    return Composed(tuple(cells), tuple(refused))


def _refuse_typos(grid: Grid, point: Mapping[str, str]) -> None:
    if fault := _fault(grid.overrides):
        raise SchemaError(f"{grid.file}: overrides: {fault}")
    for axis, label in point.items():
        if fault := _fault((*grid.overrides, *grid.axes[axis][label])):
            raise SchemaError(f"{grid.file}: axes.{axis}.{label}: {fault}")


@cache
def _fault(given: tuple[str, ...]) -> str | None:
    try:
        _find_names(compose_config(given))
    except (SchemaError, TrickError) as error:
        return str(error)
    try:
        check_model(load_config(*given).model.path)
    except (SchemaError, ModelError) as error:
        return str(error)
    except TrickError:  # known tricks that conflict: a refusal, not a typo
        return None
    return None


def _find_names(composed: Mapping[str, Any]) -> None:
    """Raise TrickError for a preset, a dialect, a trick or a setting that does not exist."""
    find_preset(composed["preset"])
    if composed["emulate"] != NO_DIALECT:
        find_dialect(composed["emulate"])
    for name, given in composed["tricks"].items() if isinstance(composed["tricks"], dict) else ():
        spec = find_trick(name)
        make_trick(name, spec.cls, {**spec.settings, **(given if isinstance(given, dict) else {})})
