"""Read plain data into frozen dataclasses. Unknown keys and wrong types are errors."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pydantic_core import ErrorDetails

PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
T = TypeVar("T")

LONGEST_NAME: Final = 60  # characters of a field's name that a message repeats


class SchemaError(ValueError):
    """Data that does not fit its dataclass; each line of the message names one path."""


def build_dataclass(cls: type[T], data: Any, where: str = "") -> T:
    """Build ``cls`` from plain data.

    Args:
        cls: The dataclass to build.
        data: Mappings, lists, text, numbers, booleans and None.
        where: Prefix of the paths that an error names.

    Returns:
        The dataclass, with nested dataclasses.

    Raises:
        SchemaError: A key is unknown or missing, or a value has the wrong type or range.

    """
    # Pydantic's strict mode accepts lists for tuples and mappings for dataclasses only when it reads JSON.
    return read_json(cls, json.dumps(data, default=str), where)


def read_json(cls: type[T], text: str, where: str = "") -> T:
    """Build ``cls`` from a JSON document.

    Args:
        cls: The dataclass to build.
        text: The JSON document.
        where: Prefix of the paths that an error names.

    Returns:
        The dataclass, with nested dataclasses.

    Raises:
        SchemaError: A key is unknown or missing, or a value has the wrong type or range.
        json.JSONDecodeError: The text is not JSON.

    """
    unknown = list(_unknown(cls, json.loads(text), where))
    if unknown:
        raise SchemaError("\n".join(unknown))
    kind: Any = cls
    try:
        found: T = _adapter(kind).validate_json(text, strict=True)
    except ValidationError as error:
        raise SchemaError("\n".join(_line(fault, where) for fault in error.errors())) from None
    return found


def build_unique_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object; raise ValueError for a repeated field.

    Pass it to ``json.loads`` as ``object_pairs_hook``.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        repeated = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"field {quote_name(repeated)} appears twice")
    return found


def refuse_constant(name: str) -> None:
    """Raise ValueError for NaN and Infinity, which JSON does not allow.

    Pass it to ``json.loads`` as ``parse_constant``.
    """
    raise ValueError(f"{name} is no JSON")


def quote_name(name: str) -> str:
    """Quote the name of a field for a message, cut if it is long."""
    return repr(name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "...")


def suggest(name: str, known: Collection[str]) -> str:
    """Return the end of a message about an unknown name: the nearest known name, or all."""
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"


@cache
def _adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


@cache
def _hints(cls: Any) -> Mapping[str, Any]:
    return get_type_hints(cls)


def _unknown(hint: Any, data: Any, where: str) -> Iterator[str]:
    cls: Any = next((kind for kind in (hint, *get_args(hint)) if is_dataclass(kind)), None)
    if cls is not None and get_origin(hint) is Mapping and isinstance(data, dict):
        for key, item in data.items():
            yield from _unknown(cls, item, _at(where, key))
        return
    if cls is None or not isinstance(data, dict):
        items = enumerate(data) if cls is not None and isinstance(data, list) else ()
        for index, item in items:
            yield from _unknown(cls, item, f"{where}[{index}]")
        return
    known = {field.name for field in fields(cls)}
    for key, value in data.items():
        if key in known:
            yield from _unknown(_hints(cls)[key], value, _at(where, key))
        else:
            yield f"{_at(where, key)}: no such setting; {suggest(str(key), known)}"


def _line(fault: ErrorDetails, where: str) -> str:
    place = where
    for part in fault["loc"]:
        place = f"{place}[{part}]" if isinstance(part, int) else _at(place, part)
    place = place or "the document"
    if fault["type"] == "missing":
        return f"{place}: required"
    given = "" if isinstance(fault["input"], dict | list) else f", got {fault['input']!r}"
    return f"{place}: {fault['msg'][0].lower()}{fault['msg'][1:]}{given}"


def _at(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)
