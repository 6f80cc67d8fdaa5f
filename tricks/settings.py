"""Build a trick from written settings, checked against the types of its fields."""

import json
import math
import types
from collections.abc import Iterable, Mapping
from dataclasses import fields
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from tricks.api import TrickError

_LARGEST: Final = 3.4e38  # beyond it a float32 is infinite


def make_trick(name: str, cls: type[Any], settings: Mapping[str, Any]) -> Any:
    """Return the trick with the given settings.

    Args:
        name: the name of the trick in messages
        cls: the class of the trick
        settings: the values by field name; other fields keep their defaults

    Returns:
        An instance of ``cls``.

    Raises:
        TrickError: a setting is unknown or its value has the wrong type.

    """
    kinds = _settings(cls)
    for key, value in settings.items():
        if key not in kinds:
            raise TrickError(f"{name}.{key}: no such setting; {suggest(key, kinds)}")
        if not is_of_type(kinds[key], value):
            raise TrickError(f"{name}.{key}: takes {describe_type(kinds[key])}, got {format_value(value)}")
    return cls(**{key: _as(kinds[key], value) for key, value in settings.items()})


def read_field_types(cls: Any) -> dict[str, Any]:
    """Return the types of a trick's fields, with the descriptions in their annotations."""
    return _read(cls)


def describe_setting(kind: Any) -> str:
    """Return the description of a setting from its annotation, or ""."""
    return next((note for note in getattr(kind, "__metadata__", ()) if isinstance(note, str)), "")


def is_of_type(kind: Any, value: Any) -> bool:
    """Return True if a value fits a type. Unsupported kinds of types accept every value."""
    origin = get_origin(kind)
    if origin is Annotated:
        return is_of_type(get_args(kind)[0], value)
    if origin in (Union, types.UnionType):
        return any(is_of_type(option, value) for option in get_args(kind))
    if origin is Literal:
        return any(value == option and type(value) is type(option) for option in get_args(kind))
    if kind in (float, int):
        return _is_number(kind, value)
    if kind in (str, bool):
        return type(value) is kind
    return value is None if kind in (None, type(None)) else True


def _is_number(kind: Any, value: Any) -> bool:
    """Return True for a number that tensors can hold."""
    if kind is int:
        return type(value) is int and abs(value) < 1 << 63
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and (abs(value) <= _LARGEST or abs(value) == math.inf)  # neither holds for NaN


def describe_type(kind: Any) -> str:
    """Return the description of a type for people."""
    origin = get_origin(kind)
    if origin is Annotated:
        return describe_type(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        return " or ".join(describe_type(option) for option in get_args(kind))
    if origin is Literal:
        return " or ".join(map(str, get_args(kind)))
    names = {float: "a number", int: "a whole number", str: "a word", bool: "true or false", type(None): "null"}
    return names.get(kind, str(kind))


def format_value(value: Any) -> str:
    """Return a value as it is written in YAML or JSON."""
    return json.dumps(value) if value is None or isinstance(value, bool) else repr(value)


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the nearest known name, or with all of them.

    A name that starts with a known name counts as near: epsilon means eps.
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.8)
    close = close or [option for option in names if name.startswith(option)] or get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names) or 'none'}"


def _settings(cls: Any) -> dict[str, Any]:
    """Return the types of a trick's fields that are settings, without its class variables."""
    return _read_settings(cls)


@cache
def _read_settings(cls: Any) -> dict[str, Any]:
    names = {field.name for field in fields(cls)}
    return {key: kind for key, kind in read_field_types(cls).items() if key in names}


@cache  # a plan builds thousands of tricks
def _read(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls, include_extras=True)


def _as(kind: Any, value: Any) -> Any:
    """Convert an integer to float where the field is a float.

    So 1 and 1.0 are the same setting.
    """
    takes_float = float in (kind, *get_args(kind), *(inner for part in get_args(kind) for inner in get_args(part)))
    return float(value) if takes_float and type(value) is int else value
