"""A grid: one question, the axes to cross, and the cells to leave out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from harness.common import SchemaError, build_dataclass, suggest
from harness.records import CONTROL_AXIS, CONTROL_OFF, Control
from sweeps.grid.file import (
    LAPTOP,
    Axes,
    ControlFile,
    GridFile,
    Profile,
    Written,
    check_fraction,
    derive_profile,
    read_derived_profiles,
    read_yaml,
)
from sweeps.grid.tuned import Tuning, read_tuning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


GRIDS: Final = Path(__file__).resolve().parents[1] / "grids"


def list_grid_names() -> list[str]:
    """Return the names that ``grid=`` takes."""
    return sorted(path.stem for path in GRIDS.glob("*.yaml"))


def find_grid(name: str) -> Path:
    """Return the file of a grid, by a name in ``sweeps/grids`` or a path that ends in .yaml.

    Raises SchemaError for an unknown name.
    """
    if name.endswith(".yaml") and Path(name).is_file():
        return Path(name)
    if name not in list_grid_names():
        raise SchemaError(f"grid={name}: no such grid; {suggest(name, list_grid_names())}")
    return GRIDS / f"{name}.yaml"


_SEED: Final = "seed"


def refuse_overrides(place: str, overrides: Sequence[str]) -> None:
    """Raise SchemaError where one list of overrides sets the seed, or sets a setting twice.

    Args:
        place: the path of the list in the grid, such as "axes.lr.high"
        overrides: Hydra overrides as they are written

    """
    for word in overrides:
        if _name(word) == _SEED:
            raise SchemaError(
                f"{place}: {word}: the grid's seeds replace a seed set here; list it under seeds, or give SEEDS= to "
                "the command"
            )
    for one, other in combinations(overrides, 2):
        if setting := _common(one, other):
            raise SchemaError(f"{place}: {setting} is set twice, by {one} and by {other}; keep one")


def describe_replaced(grid: Grid, points: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Yield a line where an axis label replaces a setting of an earlier axis.

    Controls do not count, because they replace settings on purpose.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    for point in points:
        labels = [(axis, label) for axis, label in point.items() if axis != CONTROL_AXIS and grid.axes[axis][label]]
        for (axis, label), (later, by) in combinations(labels, 2):
            if setting := _crossing(grid.axes[axis][label], grid.axes[later][by]):
                counts[setting, f"{axis}={label}", f"{later}={by}"] += 1
    for (setting, before, after), cells in counts.items():
        yield f"{setting} of {before} by {after} in {cells} cell{'s' * (cells > 1)}"


@cache
def _crossing(some: tuple[str, ...], others: tuple[str, ...]) -> str | None:
    """Return a setting that both lists set to different values, or None."""
    pairs = ((one, other) for one in some for other in others if one.lstrip("+") != other.lstrip("+"))
    return next((found for one, other in pairs if (found := _common(one, other))), None)


def _common(one: str, other: str) -> str | None:
    """Return the setting that both overrides set, or that one deletes and the other sets."""
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
    """Return the values that an override sets, by dotted name.

    A mapping sets each of its keys; ``~NAME`` sets None.
    """
    name, equals, text = word.lstrip("+~").partition("=")
    if word.startswith("~") or not equals:
        return {name: None}
    try:
        return dict(_leaves(name.strip(), yaml.safe_load(text)))
    except yaml.YAMLError:  # Hydra reports the error later
        return {name: text}


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}", inner)
    else:
        yield name, value


@dataclass(frozen=True, slots=True)
class GridSlice:
    """A part of the grid: the labels of some axes; other axes may have any label."""

    labels: Mapping[str, tuple[str, ...]]
    because: str = ""

    def covers(self, point: Mapping[str, str]) -> bool:
        """Return True if the cell with these labels belongs to the slice."""
        return all(point[axis] in labels for axis, labels in self.labels.items())


@dataclass(frozen=True, slots=True)
class Grid:
    """A checked grid under one profile: every label that it mentions exists."""

    name: str
    profile: str
    question: str
    metric: str
    feeds: tuple[str, ...]
    axes: Axes
    baseline: Mapping[str, str]
    seeds: tuple[int, ...]
    skip: tuple[GridSlice, ...]
    quick: tuple[GridSlice, ...]
    overrides: tuple[str, ...]
    primary: tuple[GridSlice, ...] | None = None  # None: every contrast with the baseline is primary
    margin: float | None = None
    controls: tuple[Control, ...] = ()
    fraction: tuple[tuple[str, ...], ...] = ()
    choices: tuple[str, ...] = ()
    tuned: Tuning | None = None
    words: tuple[str, ...] = ()  # the axes and settings of an ad-hoc grid's command line

    @property
    def file(self) -> str:
        """The name of this grid in error messages."""
        return "command line" if self.words else f"{self.name}.yaml"


def read_grid(path: Path, profile: str = LAPTOP, seeds: tuple[int, ...] | None = None) -> Grid:
    """Read a grid file under a profile.

    Args:
        path: the YAML file
        profile: one of its profiles, or of ``profiles.yaml``
        seeds: seeds that replace the grid's own

    Returns:
        The checked grid, with its tuning.

    Raises:
        SchemaError: the file is invalid; the message names the file and the place.

    """
    try:
        written = _written(path)
        grid, tuned = build_grid(path.stem, written, profile, seeds), _profile(written, profile).tuned or written.tuned
        return replace(grid, tuned=read_tuning(tuned, path.parent, grid.seeds, grid.axes)) if tuned else grid
    except SchemaError as error:
        lines = str(error).splitlines()
        named = (line if line.startswith(f"{path.name}: ") else f"{path.name}: {line}" for line in lines)
        raise SchemaError("\n".join(named)) from None


def collect_seeds(path: Path) -> frozenset[int]:
    """Return the seeds of a grid file under all of its profiles."""
    written = _written(path)
    return frozenset(written.seeds).union(*(profile.seeds or () for profile in written.profiles.values()))


def _written(path: Path) -> GridFile:
    return build_dataclass(GridFile, read_yaml(path) or {})


def build_grid(name: str, written: GridFile, profile: str, seeds: tuple[int, ...] | None) -> Grid:
    """Check a grid under a profile.

    Args:
        name: the name of the study.
        written: the grid as it is written, in a file or on the command line.
        profile: one of its profiles, or of ``profiles.yaml``.
        seeds: seeds that replace the grid's own.

    Returns:
        The grid without a tuning, which is a separate file.

    Raises:
        SchemaError: naming the path of a fault.

    """
    chosen = _profile(written, profile)
    crossed = {**written.axes, **chosen.axes}
    _refuse_axes(crossed)
    controls = written.controls if chosen.controls is None else chosen.controls
    axes = {**crossed, **_control_axis(controls)}
    _refuse_overrides(written, chosen, axes, profile)
    skip = written.skip if chosen.skip is None else chosen.skip
    quick = written.quick if chosen.quick is None else chosen.quick
    baseline = written.baseline if chosen.baseline is None else chosen.baseline
    primary = written.primary if chosen.primary is None else chosen.primary
    fraction = written.fraction if chosen.fraction is None else chosen.fraction
    check_fraction(fraction, crossed)
    return Grid(
        name=name,
        profile=profile,
        question=written.question,
        metric=written.metric,
        feeds=written.feeds,
        axes=axes,
        baseline={axis: _single(labels, axis) for axis, labels in _slice(baseline, axes, "baseline").labels.items()},
        seeds=_seeds(seeds or chosen.seeds or written.seeds),
        skip=tuple(_skip(part, axes, f"skip[{index}]") for index, part in enumerate(skip)),
        quick=tuple(_slices(quick, axes, "quick")),
        overrides=(*written.overrides, *chosen.overrides),
        primary=None if primary is None else tuple(_slices(primary, axes, "primary")),
        margin=written.margin if chosen.margin is None else chosen.margin,
        controls=tuple(_control(name, each, crossed, written.metric) for name, each in controls.items()),
        fraction=fraction,
        choices=(*written.choices, *chosen.choices),
    )


def _refuse_overrides(written: GridFile, chosen: Profile, axes: Axes, profile: str) -> None:
    """Check each list of overrides separately.

    A profile's list may replace settings of the grid's, and a label's list may replace both.
    """
    refuse_overrides("overrides", written.overrides)
    refuse_overrides(f"profiles.{profile}.overrides", chosen.overrides)
    for axis, labels in axes.items():
        for label, overrides in labels.items():
            place = f"controls.{label}.overrides" if axis == CONTROL_AXIS else f"axes.{axis}.{label}"
            refuse_overrides(place, overrides)


def _slices(written: tuple[Written, ...], axes: Axes, place: str) -> Iterator[GridSlice]:
    return (_slice(part, axes, f"{place}[{index}]") for index, part in enumerate(written))


def _control_axis(controls: Mapping[str, ControlFile]) -> Axes:
    """Return the axis of the controls, which is off in all other cells.

    There is no axis without controls.
    """
    if CONTROL_OFF in controls:
        raise SchemaError(
            f"controls.{CONTROL_OFF}: {CONTROL_OFF!r} is the label of all other cells; give the control another name"
        )
    return (
        {CONTROL_AXIS: {CONTROL_OFF: (), **{name: each.overrides for name, each in controls.items()}}}
        if controls
        else {}
    )


def _control(name: str, written: ControlFile, crossed: Axes, metric: str) -> Control:
    place = f"controls.{name}.at"
    given = _slice(written.at, crossed, place).labels
    for axis, names in crossed.items():
        if len(given.get(axis, names)) != 1:
            raise SchemaError(f"{place}: give one label of the axis {axis!r}; known: {', '.join(names)}")
    where = {axis: given.get(axis, tuple(names))[0] for axis, names in crossed.items()}
    return Control(name, {**where, CONTROL_AXIS: name}, written.expect, written.metric or metric, written.because)


def _profile(written: GridFile, name: str) -> Profile:
    known = {LAPTOP: Profile(), **written.profiles}
    if name in known:
        return known[name]
    if name in read_derived_profiles():
        return derive_profile(written, name)
    raise SchemaError(f"profiles: no profile {name!r}; {suggest(name, {*known, *read_derived_profiles()})}")


def _refuse_axes(axes: Axes) -> None:
    if not axes:
        raise SchemaError("axes: name at least one axis")
    if "because" in axes:
        raise SchemaError("axes.because: 'because' is the reason of a skip; give the axis another name")
    if CONTROL_AXIS in axes:
        raise SchemaError(f"axes.{CONTROL_AXIS}: this is the axis of the controls; give it another name")
    for axis, labels in axes.items():
        if not labels:
            raise SchemaError(f"axes.{axis}: give the axis at least one label")


def _seeds(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if not seeds:
        raise SchemaError("seeds: give at least one")
    if repeated := sorted({seed for seed in seeds if seeds.count(seed) > 1}):
        raise SchemaError(f"seeds: {', '.join(map(str, repeated))} given twice")
    if min(seeds) < 0:
        raise SchemaError(f"seeds: {min(seeds)} is negative")
    return seeds


def _skip(written: Written, axes: Axes, place: str) -> GridSlice:
    because = written.get("because")
    if not because or not isinstance(because, str):
        raise SchemaError(f"{place}: the reason is missing; write it under 'because'")
    part = _slice({axis: labels for axis, labels in written.items() if axis != "because"}, axes, place)
    if not part.labels:
        raise SchemaError(f"{place}: name the axes and labels to skip")
    return GridSlice(part.labels, because)


def _slice(written: Written, axes: Axes, place: str) -> GridSlice:
    for axis in written:
        if axis not in axes:
            raise SchemaError(f"{place}.{axis}: no axis {axis!r}; {suggest(axis, axes)}")
    return GridSlice({axis: tuple(_labels(given, axes[axis], f"{place}.{axis}")) for axis, given in written.items()})


def _labels(given: Any, known: Mapping[str, Any], place: str) -> Iterator[str]:
    words = given if isinstance(given, list) else [given]
    if not words or not all(isinstance(word, str | int) for word in words):
        raise SchemaError(f"{place}: give a label or a list of labels")
    for word in map(str, words):
        if word not in known:
            raise SchemaError(f"{place}: no label {word!r}; {suggest(word, known)}")
        yield word


def _single(labels: tuple[str, ...], axis: str) -> str:
    if len(labels) > 1:
        raise SchemaError(f"baseline.{axis}: give one label")
    return labels[0]
