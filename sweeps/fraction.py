"""Fractional factorials: which points of a two-level cross are run, by defining words.

The first label of an axis has sign -1, the second +1. A point belongs to the fraction where, for every word, the
signs of its axes multiply to +1 (Box, Hunter & Hunter, Statistics for Experimenters, ch. 6).
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from harness.schema import SchemaError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sweeps.grid_file import Axes


def check_fraction(words: Sequence[Sequence[str]], axes: Axes) -> None:
    """Raise SchemaError for a word with an unknown axis, one of other than two labels, or one named twice."""
    for place, word in enumerate(words):
        for axis in word:
            if axis not in axes:
                raise SchemaError(f"fraction[{place}]: no axis {axis!r}; {suggest(axis, axes)}")
            if len(axes[axis]) != 2:
                raise SchemaError(f"fraction[{place}]: the axis {axis!r} has {len(axes[axis])} labels; it takes two")
        if len(word) < 2 or len(set(word)) < len(word):
            raise SchemaError(f"fraction[{place}]: name two or more different axes")


def belongs(point: Mapping[str, str], axes: Axes, words: Sequence[Sequence[str]]) -> bool:
    """Whether the point is in the fraction that the words define."""
    return all(prod(2 * [*axes[axis]].index(point[axis]) - 1 for axis in word) == 1 for word in words)
