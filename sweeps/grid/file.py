"""The keys of a grid file, and fractional factorials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from harness.common.schema import SchemaError, suggest

if TYPE_CHECKING:
    from collections.abc import Sequence


Axes = Mapping[str, Mapping[str, tuple[str, ...]]]  # axis -> label -> Hydra overrides
Written = Mapping[str, Any]  # axis -> a label, or a list of labels
LAPTOP: Final = "laptop"


def _number(written: Any) -> Any:
    """Return text such as 0.20 as a number; grids keep it as text, because it may be a label."""
    try:
        return float(written) if isinstance(written, str) else written
    except ValueError:
        return written


Margin = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class ControlFile:
    """A control: a cell outside the cross whose effect is known, with its own overrides."""

    at: Written  # one label on every axis; axes with a single label may be left out
    overrides: tuple[str, ...]
    expect: Literal["worse", "better"]  # compared with the same cell without the overrides
    because: str
    metric: str | None = None  # the score that must differ; by default the grid's metric


@dataclass(frozen=True, slots=True)
class Profile:
    """The values that replace the grid's own; ``overrides`` are appended to the grid's."""

    axes: Axes = field(default_factory=dict)  # replaces the axes it names
    overrides: tuple[str, ...] = ()
    seeds: tuple[int, ...] | None = None
    baseline: Written | None = None
    skip: tuple[Written, ...] | None = None
    quick: tuple[Written, ...] | None = None
    primary: tuple[Written, ...] | None = None
    margin: Margin | None = None
    controls: Mapping[str, ControlFile] | None = None
    fraction: tuple[tuple[str, ...], ...] | None = None
    choices: tuple[str, ...] = ()  # appended to the grid's
    tuned: str | None = None


@dataclass(frozen=True, slots=True)
class GridFile:
    """A grid as it is written."""

    question: str
    metric: str  # the score that decides, such as "final/accuracy"
    feeds: tuple[str, ...]  # the tables that read it
    axes: Axes
    baseline: Written  # the labels of the baseline, which tables subtract
    seeds: tuple[int, ...]
    skip: tuple[Written, ...] = ()
    quick: tuple[Written, ...] = ()
    overrides: tuple[str, ...] = ()  # common to all cells
    primary: tuple[Written, ...] | None = None  # slices of the declared family; by default all contrasts
    margin: Margin | None = None  # equivalence margin, in the metric's unit
    controls: Mapping[str, ControlFile] = field(default_factory=dict)
    fraction: tuple[tuple[str, ...], ...] = ()  # defining words: two-level axes whose signs multiply to +1
    choices: tuple[str, ...] = ()  # choices that the paper leaves open
    tuned: str | None = None  # a file that `make tune` wrote and a person reviewed, next to the grid
    profiles: Mapping[str, Profile] = field(default_factory=dict)


def check_fraction(words: Sequence[Sequence[str]], axes: Axes) -> None:
    """Check the defining words of a fraction.

    Raises SchemaError for an unknown axis, an axis without exactly two labels, or a repeated axis.
    """
    for place, word in enumerate(words):
        for axis in word:
            if axis not in axes:
                raise SchemaError(f"fraction[{place}]: no axis {axis!r}; {suggest(axis, axes)}")
            if len(axes[axis]) != 2:
                raise SchemaError(f"fraction[{place}]: the axis {axis!r} has {len(axes[axis])} labels; it takes two")
        if len(word) < 2 or len(set(word)) < len(word):
            raise SchemaError(f"fraction[{place}]: name two or more different axes")


def is_in_fraction(point: Mapping[str, str], axes: Axes, words: Sequence[Sequence[str]]) -> bool:
    """Return True if the point is in the fraction that the words define.

    Args:
        point: the labels of a cell
        axes: the axes of the grid
        words: defining words: lists of two-level axes whose signs multiply to +1

    Returns:
        True for all points if there are no words.

    """
    return all(prod(2 * [*axes[axis]].index(point[axis]) - 1 for axis in word) == 1 for word in words)
