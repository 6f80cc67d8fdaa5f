"""JSON text as one object, read strictly: no key unknown or given twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tricks.api import TrickError
from tricks.settings import suggest

if TYPE_CHECKING:
    from collections.abc import Collection

_FORM: Final = "docs/rollouts.md shows the form"


def read_object(text: bytes, known: Collection[str]) -> dict[str, Any]:
    """The object that ``text`` holds. Raises TrickError where it holds none, or a key that is not ``known``."""
    if not text.strip():
        raise TrickError(f"the batch is empty; give it on standard input, {_FORM}")
    found = _parse(text)
    if not isinstance(found, dict):
        raise TrickError(f"the batch is {kind(found)}, expected an object with rewards, group and log_probs; {_FORM}")
    if unknown := [key for key in found if key not in known]:
        raise TrickError(f"{unknown[0]}: a batch has no such part; {suggest(unknown[0], known)}")
    return found


def kind(value: object) -> str:
    """What JSON calls the value, with the value where it is short."""
    match value:
        case None | bool() | int() | float() | str() if len(text := json.dumps(value)) <= 40:
            return text
        case str():
            return "a long string"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "a long number"


def _parse(text: bytes) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except TrickError:
        raise
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise TrickError(f"the batch is not JSON at {place} ({error.msg.lower()}); {_FORM}") from None
    except UnicodeDecodeError as error:
        raise TrickError(f"the batch is not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except RecursionError:
        raise TrickError(f"the batch is nested too deeply for a table of numbers; {_FORM}") from None
    except ValueError:  # Python reads no integer of more than 4300 digits
        raise TrickError("the batch holds a number of thousands of digits; write floats as 1e-3") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise TrickError(f"{repeated}: given twice; keep one")
    return found
