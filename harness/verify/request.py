"""Lines of JSON that ask for a verdict: what must be there is read strictly, other columns are carried along."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.schema import LONGEST_NAME, SchemaError, refuse_constant, shortened, suggest, unique_fields
from harness.verify.verdict import Gold

_NEEDED: Final = ("id", "gold", "response")
_KNOWN: Final = (*_NEEDED, "tolerance")
RESULTS: Final = ("reward", "reason")  # fields of a result, which no column of a request may be called
_FORM: Final = 'write {"id": ..., "gold": "...", "response": "..."}, and "tolerance": 0.1 where the benchmark has one'
_MOST_DIGITS: Final = 4_300  # of an integer, as Python has it by default


@dataclass(frozen=True, slots=True)
class Request:
    """One response to judge; ``name`` is any JSON value and comes back as it was, and so do the ``columns``."""

    name: Any
    gold: Gold
    response: str
    columns: Mapping[str, Any] = field(default_factory=dict)  # fields of the line that are the caller's own


def parse_request(line: bytes, *, strict: bool = False) -> Request:
    """Read the request on a line.

    Args:
        line: One JSON object in UTF-8, with or without the end of the line.
        strict: Whether a field that is not known is an error; otherwise it is one of the ``columns``.

    Returns:
        The request. What it carries can be written as JSON again.

    Raises:
        SchemaError: The line cannot be read; the message names the field and the way out.

    """
    fields = _fields(line)
    missing = [name for name in _NEEDED if name not in fields]
    if missing:
        raise SchemaError(f"field {missing[0]!r} is missing: {_FORM}")
    columns = {name: value for name, value in fields.items() if name not in _KNOWN}
    _refuse_columns(columns, strict=strict)
    for name in ("gold", "response"):
        if not isinstance(fields[name], str):
            raise SchemaError(f'field {name!r} is no string: put it in quotes, {name!r}: "..."')
    gold = Gold(fields["gold"], _tolerance(fields.get("tolerance")))
    _refuse_unwritable({"id": fields["id"], **columns})
    return Request(fields["id"], gold, fields["response"], columns)


def _fields(line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(
            line.decode("utf-8-sig"),
            object_pairs_hook=unique_fields,
            parse_constant=refuse_constant,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        raise SchemaError(f"not UTF-8 at byte {error.start + 1}: save the file as UTF-8") from None
    except RecursionError:
        raise SchemaError("not JSON that can be read (nested too deep): write the field as a string") from None
    except ValueError as error:
        raise SchemaError(f"not JSON ({error}): {_FORM}") from None
    if not isinstance(fields, dict):
        raise SchemaError(f"not a JSON object: {_FORM}")
    return fields


def _integer(text: str) -> int | float:
    """An integer, or infinity for one that Python neither reads nor writes; its field is then refused by name."""
    return int(text) if len(text) <= _MOST_DIGITS else float(text)


def _refuse_columns(columns: Mapping[str, Any], *, strict: bool) -> None:
    taken = next((name for name in RESULTS if name in columns), None)
    if taken is not None:
        raise SchemaError(f"field {taken!r} is the name of a result: call the column otherwise, such as 'my_{taken}'")
    if strict and columns:
        name = next(iter(columns))
        raise SchemaError(
            f"field {shortened(name)} is unknown; {suggest(name[:LONGEST_NAME], _KNOWN)}: leave it out, or leave "
            "--strict out and it comes back with the result"
        )


def _refuse_unwritable(carried: Mapping[str, Any]) -> None:
    """Raise SchemaError for a field that was read and cannot be written, such as 1e999, which no float holds."""
    for name, value in carried.items():
        try:
            json.dumps(value, allow_nan=False)
        except RecursionError:
            raise SchemaError(
                f"field {shortened(name)} is nested too deep: leave it out, or write it as a string"
            ) from None
        except ValueError:
            raise SchemaError(f"field {shortened(name)} holds a number that is too large: put it in quotes") from None


def _tolerance(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise SchemaError("field 'tolerance' is no number of 0 or more: leave it out where the benchmark has none")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if math.isinf(found):
        raise SchemaError("field 'tolerance' is too large, above 1.7e308: give the benchmark's absolute tolerance")
    return found
