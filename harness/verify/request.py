"""Lines of JSON that ask for a verdict, read strictly."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Final

from harness.schema import SchemaError
from harness.verify.verdict import Gold

_NEEDED: Final = ("id", "gold", "response")
_KNOWN: Final = (*_NEEDED, "tolerance")
_FORM: Final = 'write {"id": ..., "gold": "...", "response": "..."}, and "tolerance": 0.1 where the benchmark has one'


@dataclass(frozen=True, slots=True)
class Request:
    """One response to judge; ``name`` is any JSON value and comes back as it was."""

    name: Any
    gold: Gold
    response: str


def parse_request(line: bytes) -> Request:
    """The request on a line. Raises SchemaError that names the field and the way out."""
    fields = _fields(line)
    missing = [name for name in _NEEDED if name not in fields]
    unknown = [name for name in fields if name not in _KNOWN]
    if missing or unknown:
        fault = f"field {missing[0]!r} is missing" if missing else f"field {unknown[0]!r} is unknown"
        raise SchemaError(f"{fault}: {_FORM}")
    for name in ("gold", "response"):
        if not isinstance(fields[name], str):
            raise SchemaError(f'field {name!r} is no string: put it in quotes, {name!r}: "..."')
    return Request(fields["id"], Gold(fields["gold"], _tolerance(fields.get("tolerance"))), fields["response"])


def _fields(line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise SchemaError(f"not UTF-8 at byte {error.start + 1}: save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"not JSON ({error}): {_FORM}") from None
    if not isinstance(fields, dict):
        raise SchemaError(f"not a JSON object: {_FORM}")
    return fields


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"field {repeated[0]!r} comes twice")
    return dict(pairs)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _tolerance(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise SchemaError("field 'tolerance' is no number of 0 or more: leave it out where the benchmark has none")
    return float(value)
