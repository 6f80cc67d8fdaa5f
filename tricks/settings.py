"""From settings as they are written to a trick, checked by the types of its fields."""

from __future__ import annotations

import json
import math
import types
from dataclasses import fields
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from tricks.api import TrickError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LARGEST: Final = 3.4e38  # beyond it a float32 is infinite


def make(name: str, cls: type[Any], settings: Mapping[str, Any]) -> Any:
    """The trick with these settings. Raises TrickError naming trick, setting and what it takes."""
    kinds = {key: kind for key, kind in hints(cls).items() if key in {field.name for field in fields(cls)}}
    for key, value in settings.items():
        if key not in kinds:
            raise TrickError(f"{name}.{key}: no such setting; {suggest(key, kinds)}")
        if not accepts(kinds[key], value):
            raise TrickError(f"{name}.{key}: takes {words(kinds[key])}, got {written(value)}")
    return cls(**{key: _as(kinds[key], value) for key, value in settings.items()})


def hints(cls: Any) -> dict[str, Any]:
    """The types of a trick's fields, with the meanings that Annotated gives them."""
    return _read(cls)


def meaning(kind: Any) -> str:
    """What a setting means, from its annotation."""
    return next((note for note in getattr(kind, "__metadata__", ()) if isinstance(note, str)), "")


def accepts(kind: Any, value: Any) -> bool:
    """Whether a value fits a type. Kinds of type that are unknown here accept everything."""
    origin = get_origin(kind)
    if origin is Annotated:
        return accepts(get_args(kind)[0], value)
    if origin in (Union, types.UnionType):
        return any(accepts(option, value) for option in get_args(kind))
    if origin is Literal:
        return any(value == option and type(value) is type(option) for option in get_args(kind))
    if kind in (float, int):
        return _is_number(kind, value)
    if kind in (str, bool):
        return type(value) is kind
    return value is None if kind in (None, type(None)) else True


def _is_number(kind: Any, value: Any) -> bool:
    """A number that tensors can hold."""
    if kind is int:
        return type(value) is int and abs(value) < 1 << 63
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and (abs(value) <= _LARGEST or abs(value) == math.inf)  # neither holds for NaN


def words(kind: Any) -> str:
    """A type as a person would say it."""
    origin = get_origin(kind)
    if origin is Annotated:
        return words(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        return " or ".join(words(option) for option in get_args(kind))
    if origin is Literal:
        return " or ".join(map(str, get_args(kind)))
    names = {float: "a number", int: "a whole number", str: "a word", bool: "true or false", type(None): "null"}
    return names.get(kind, str(kind))


def written(value: Any) -> str:
    """A value as a person writes it in YAML or JSON."""
    return json.dumps(value) if value is None or isinstance(value, bool) else repr(value)


def suggest(name: str, known: Iterable[str]) -> str:
    """The nearest known name, or all of them. A name that goes on from a known one is near it: epsilon means eps."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.8)
    close = close or [option for option in names if name.startswith(option)] or get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names) or 'none'}"


@cache  # a plan makes thousands of tricks
def _read(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls, include_extras=True)


def _as(kind: Any, value: Any) -> Any:
    """A whole number where a float is meant becomes one, so that 1 and 1.0 are one setting."""
    takes_float = float in (kind, *get_args(kind), *(inner for part in get_args(kind) for inner in get_args(part)))
    return float(value) if takes_float and type(value) is int else value
