"""From labels to checked configs. What cannot be composed is the grid's fault; what a rule refuses is a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from harness.compose import compose
from harness.config import ExperimentConfig, load
from harness.models.locate import ModelError, check_model
from harness.records import Skipped
from harness.schema import SchemaError
from sweeps.cells import overrides, words
from tricks.api import TrickError
from tricks.catalog import find

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sweeps.grid import Grid


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """A cell with its config; the seed of the config is 0 and means nothing."""

    labels: Mapping[str, str]
    config: ExperimentConfig
    cell_id: str


@dataclass(frozen=True, slots=True)
class Composed:
    """The cells that can run, and those that a rule refuses."""

    cells: tuple[PlannedCell, ...]
    refused: tuple[Skipped, ...]


def compose_cells(grid: Grid, points: Iterable[Mapping[str, str]]) -> Composed:
    """Compose each cell once. Raises SchemaError naming the axis and label that cannot be composed."""
    cells, refused = list[PlannedCell](), list[Skipped]()
    for point in points:
        try:
            config = load(*overrides(grid, point))
            check_model(config.model.path)
        except TrickError as error:
            _refuse_typos(grid, point)
            refused.append(Skipped(point, str(error)))
        except (SchemaError, ModelError) as error:
            _refuse_typos(grid, point)
            raise SchemaError(f"{grid.file}: {words(point)}: {error}") from None
        else:
            cells.append(PlannedCell(point, config, config.cell_id()))
    _refuse_equals(grid, cells)
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
        for trick in compose(given)["tricks"] or ():
            find(trick)
    except (SchemaError, TrickError) as error:
        return str(error)
    try:
        check_model(load(*given).model.path)
    except (SchemaError, ModelError) as error:
        return str(error)
    except TrickError:  # known tricks that do not go together: a refusal, not a typo
        return None
    return None


def _refuse_equals(grid: Grid, cells: Iterable[PlannedCell]) -> None:
    seen: dict[str, PlannedCell] = {}
    for cell in cells:
        if twin := seen.get(cell.cell_id):
            raise SchemaError(
                f"{grid.file}: {words(twin.labels)} and {words(cell.labels)} are one cell: "
                "their settings in effect are equal; leave one out with skip"
            )
        seen[cell.cell_id] = cell
