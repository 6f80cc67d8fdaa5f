"""A grid file: one question, the axes to cross, and what to leave out. Nothing here composes or runs anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from harness.schema import SchemaError, read, suggest
from sweeps.strict_yaml import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Axes = Mapping[str, Mapping[str, tuple[str, ...]]]  # axis -> label -> Hydra overrides
Written = Mapping[str, Any]  # axis -> a label, or a list of labels
LAPTOP: Final = "laptop"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a profile puts in the place of the grid's own; ``overrides`` come after the grid's."""

    axes: Axes = field(default_factory=dict)  # replaces the axes it names
    overrides: tuple[str, ...] = ()
    seeds: tuple[int, ...] | None = None
    baseline: Written | None = None
    skip: tuple[Written, ...] | None = None
    quick: tuple[Written, ...] | None = None


@dataclass(frozen=True, slots=True)
class GridFile:
    """A grid as it is written."""

    question: str
    metric: str  # the score that decides, such as "final/accuracy"
    feeds: tuple[str, ...]  # the tables that read it
    axes: Axes
    baseline: Written  # what tables subtract
    seeds: tuple[int, ...]
    skip: tuple[Written, ...] = ()
    quick: tuple[Written, ...] = ()
    overrides: tuple[str, ...] = ()  # common to all cells
    profiles: Mapping[str, Profile] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the grid: the labels of some axes; axes left out may have any label."""

    labels: Mapping[str, tuple[str, ...]]
    because: str = ""

    def covers(self, point: Mapping[str, str]) -> bool:
        """Whether the cell with these labels belongs to the slice."""
        return all(point[axis] in labels for axis, labels in self.labels.items())


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid under one profile, checked: every label that it mentions exists."""

    name: str
    profile: str
    question: str
    metric: str
    feeds: tuple[str, ...]
    axes: Axes
    baseline: Mapping[str, str]
    seeds: tuple[int, ...]
    skip: tuple[Slice, ...]
    quick: tuple[Slice, ...]
    overrides: tuple[str, ...]

    @property
    def file(self) -> str:
        """What errors call this grid."""
        return f"{self.name}.yaml"


def read_grid(path: Path, profile: str = LAPTOP, seeds: tuple[int, ...] | None = None) -> Grid:
    """Read a grid file under a profile; ``seeds`` replace its own. Raises SchemaError with file and path of a fault."""
    try:
        written = read(GridFile, read_yaml(path) or {})
        return _under(path.stem, written, profile, seeds)
    except SchemaError as error:
        lines = str(error).splitlines()
        named = (line if line.startswith(f"{path.name}: ") else f"{path.name}: {line}" for line in lines)
        raise SchemaError("\n".join(named)) from None


def _under(name: str, written: GridFile, profile: str, seeds: tuple[int, ...] | None) -> Grid:
    chosen = _profile(written, profile)
    axes = {**written.axes, **chosen.axes}
    _refuse_axes(axes)
    skip = written.skip if chosen.skip is None else chosen.skip
    quick = written.quick if chosen.quick is None else chosen.quick
    baseline = written.baseline if chosen.baseline is None else chosen.baseline
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
        quick=tuple(_slice(part, axes, f"quick[{index}]") for index, part in enumerate(quick)),
        overrides=(*written.overrides, *chosen.overrides),
    )


def _profile(written: GridFile, name: str) -> Profile:
    known = {LAPTOP: Profile(), **written.profiles}
    if name not in known:
        raise SchemaError(f"profiles: no profile {name!r}; {suggest(name, known)}")
    return known[name]


def _refuse_axes(axes: Axes) -> None:
    if not axes:
        raise SchemaError("axes: name at least one axis")
    if "because" in axes:
        raise SchemaError("axes.because: 'because' is the reason of a skip; name the axis otherwise")
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


def _skip(written: Written, axes: Axes, place: str) -> Slice:
    because = written.get("because")
    if not because or not isinstance(because, str):
        raise SchemaError(f"{place}: say why, with 'because'")
    part = _slice({axis: labels for axis, labels in written.items() if axis != "because"}, axes, place)
    if not part.labels:
        raise SchemaError(f"{place}: name the axes and labels to skip")
    return Slice(part.labels, because)


def _slice(written: Written, axes: Axes, place: str) -> Slice:
    for axis in written:
        if axis not in axes:
            raise SchemaError(f"{place}.{axis}: no axis {axis!r}; {suggest(axis, axes)}")
    return Slice({axis: tuple(_labels(given, axes[axis], f"{place}.{axis}")) for axis, given in written.items()})


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
