"""Compose checked configs from labels.

A config that cannot be composed is an error of the grid; one that a rule refuses is a result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.common.schema import SchemaError
from harness.config.compose import compose_config
from harness.config.experiment import ExperimentConfig, check_config, load_config
from harness.config.overlay import compose_fast
from harness.models.errors import ModelError
from harness.models.locate import check_model
from harness.records.record import Skipped
from sweeps.grid.cells import format_labels, list_overrides
from tricks.api import TrickError
from tricks.catalog import find_trick
from tricks.dialects.build import NO_DIALECT
from tricks.dialects.registry import find_dialect
from tricks.presets import find_preset
from tricks.settings import make_trick

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sweeps.grid.grid import Grid


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
