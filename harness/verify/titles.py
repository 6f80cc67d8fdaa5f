"""Names before ``=``: whether two of them can be of the same thing."""

from __future__ import annotations

import re
from typing import Final

from harness.verify.names import LETTERS

_DERIVATIVE: Final = re.compile(r"fracd(\w)d\w")  # dy/dx, as a name is written
_DOTTED: Final = re.compile(r"dot(\w)|(\w)'")
_APPLIED: Final = re.compile(r"(\w)(?:\^-1)?\(.*\)")


def may_be_same(one: str, other: str) -> bool:
    """Whether names agree: the same, with or without index, a function and its value, letters of a figure in any order.

    ``dy/dx`` and ``y'`` are the same, and a word agrees with every name.
    """
    if one == other or _bare(one) == _bare(other):
        return True
    if _is_word(one) or _is_word(other):
        return True
    return _index_left_out(one, other) or _is_value_of(one, other) or _is_value_of(other, one)


def _bare(name: str) -> str:
    """The letter that changes of a derivative, the sorted letters of a figure, or the name."""
    found = _DERIVATIVE.fullmatch(name)
    if found is not None:
        return f"{found[1]}'"
    dotted = _DOTTED.match(name)
    if dotted is not None:
        return f"{dotted[1] or dotted[2]}'"
    return "".join(sorted(name)) if name.removeprefix("angle").isupper() else name


def _is_word(name: str) -> bool:
    drawn = name.startswith(("frac", "dot", "angle"))
    return not drawn and name.isalpha() and name[1:].islower() and len(name) > 2 and name not in LETTERS


def _index_left_out(one: str, other: str) -> bool:
    stems = one.split("_", maxsplit=1)[0], other.split("_", maxsplit=1)[0]
    return stems[0] == stems[1] and ("_" in one) != ("_" in other)


def _is_value_of(one: str, other: str) -> bool:
    """Whether the first is ``y`` or the same letter as the function that the second applies."""
    applied = _APPLIED.fullmatch(other)
    if applied is None:
        return False
    again = _APPLIED.fullmatch(one)
    letter = again[1] if again is not None else one
    return letter in ("y", applied[1])
