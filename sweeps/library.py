"""The grids that come with the project, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.schema import SchemaError, suggest

GRIDS: Final = Path(__file__).parent / "grids"


def names() -> list[str]:
    """The names that ``grid=`` takes."""
    return sorted(path.stem for path in GRIDS.glob("*.yaml"))


def find_grid(name: str) -> Path:
    """The file of a grid: a name in ``sweeps/grids``, or a path that ends in .yaml. Raises SchemaError."""
    if name.endswith(".yaml") and Path(name).is_file():
        return Path(name)
    if name not in names():
        raise SchemaError(f"grid={name}: no such grid; {suggest(name, names())}")
    return GRIDS / f"{name}.yaml"
