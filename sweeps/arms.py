"""Settings that a grid sets twice, of which Hydra takes the last: refused in one list, told between two axes."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import yaml

from harness.records import CONTROL
from harness.schema import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sweeps.grid import Grid

_SEED: Final = "seed"


def refuse_overrides(place: str, overrides: Sequence[str]) -> None:
    """Raise SchemaError where one list of overrides sets the seed, or a setting twice.

    Args:
        place: the path of the list in the grid, such as "axes.lr.high"
        overrides: Hydra overrides as they are written

    """
    for word in overrides:
        if _name(word) == _SEED:
            raise SchemaError(
                f"{place}: {word}: every cell runs with the seeds of the grid, so that a seed set here would be "
                "replaced; list it under seeds, or give SEEDS= to the command"
            )
    for one, other in combinations(overrides, 2):
        if setting := _common(one, other):
            raise SchemaError(f"{place}: {setting} is set twice, by {one} and by {other}; keep one")


def replaced(grid: Grid, points: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Say where the label of an axis replaces what that of an earlier axis sets; a control replaces on purpose."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for point in points:
        labels = [(axis, label) for axis, label in point.items() if axis != CONTROL and grid.axes[axis][label]]
        for (axis, label), (later, by) in combinations(labels, 2):
            if setting := _crossing(grid.axes[axis][label], grid.axes[later][by]):
                counts[setting, f"{axis}={label}", f"{later}={by}"] += 1
    for (setting, before, after), cells in counts.items():
        yield f"{setting} of {before} by {after} in {cells} cell{'s' * (cells > 1)}"


@cache
def _crossing(some: tuple[str, ...], others: tuple[str, ...]) -> str | None:
    """Return a setting that both lists set, and not to the same."""
    pairs = ((one, other) for one in some for other in others if one.lstrip("+") != other.lstrip("+"))
    return next((found for one, other in pairs if (found := _common(one, other))), None)


def _common(one: str, other: str) -> str | None:
    """Return the setting that both overrides set, or that one takes away and the other sets."""
    some, others = _settings(one), _settings(other)
    if both := sorted(some.keys() & others.keys()):
        return both[0]
    for gone, rest in ((some, others), (others, some)):
        for name, value in gone.items():
            if value is None and (inside := next((known for known in rest if known.startswith(f"{name}.")), None)):
                return inside
    return None


def _name(word: str) -> str:
    return word.lstrip("+~").partition("=")[0].strip()


@cache
def _settings(word: str) -> Mapping[str, Any]:
    """Return the values that an override sets, by dotted names; a mapping sets each of its keys, ``~NAME`` null."""
    name, equals, text = word.lstrip("+~").partition("=")
    if word.startswith("~") or not equals:
        return {name: None}
    try:
        return dict(_leaves(name.strip(), yaml.safe_load(text)))
    except yaml.YAMLError:  # Hydra will say what is wrong with it
        return {name: text}


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}", inner)
    else:
        yield name, value
