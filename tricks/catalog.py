"""Every trick that a run can name: ours, and those that installed packages add."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from tricks.api import TrickError, TrickSpec
from tricks.built_in import BUILT_IN
from tricks.packages import ENTRY_POINT_GROUP
from tricks.settings import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.metadata import EntryPoint


@cache
def catalog() -> Mapping[str, TrickSpec]:
    """Every known trick by name. Tricks of other packages never replace ours."""
    specs = {spec.name: spec for spec in BUILT_IN}
    for point, spec in foreign(tuple(entry_points(group=ENTRY_POINT_GROUP))):
        if spec.name in specs:
            raise TrickError(f"{point.value} offers a trick named {spec.name!r}, which exists already; rename it")
        specs[spec.name] = spec
    return specs


def foreign(points: tuple[EntryPoint, ...]) -> Iterator[tuple[EntryPoint, TrickSpec]]:
    """The tricks that installed packages offer, in order of name."""
    for point in sorted(points, key=lambda point: point.name):
        spec = point.load()
        if not isinstance(spec, TrickSpec):
            raise TrickError(f"{point.value} is not a TrickSpec; point the entry {point.name!r} at one")
        if spec.name != point.name:
            raise TrickError(f"{point.value} is named {spec.name!r}, its entry point {point.name!r}; make them equal")
        yield point, spec


def find(name: str) -> TrickSpec:
    """The trick of that name. Raises TrickError with the nearest known name."""
    try:
        return catalog()[name]
    except KeyError:
        raise TrickError(f"unknown trick {name!r}; {suggest(name, catalog())}") from None
