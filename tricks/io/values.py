"""Read the JSON text of a batch strictly, and its lists as tensors: one value a sample, or one row a response."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tricks.api import TrickError
from tricks.settings import suggest
from tricks.tensors import torch

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from torch import Tensor

_FORM: Final = "docs/reference/rollouts.md shows the form"


def read_object(text: bytes, known: Collection[str]) -> dict[str, Any]:
    """Return the JSON object in ``text``.

    Raises TrickError where the text holds no object, or where a key is not ``known``.
    """
    if not text.strip():
        raise TrickError(f"the batch is empty; give it on standard input, {_FORM}")
    found = _parse(text)
    if not isinstance(found, dict):
        raise TrickError(f"the batch is {kind(found)}, expected an object with rewards, group and log_probs; {_FORM}")
    if unknown := [key for key in found if key not in known]:
        raise TrickError(f"{unknown[0]}: a batch has no such part; {suggest(unknown[0], known)}")
    return found


def kind(value: object) -> str:
    """Return JSON's name for the value, or the value itself where it is short."""
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


def values(place: str, given: Any, samples: int | None = None) -> list[Any]:
    """Return a list, with one value per sample where the number of samples is known.

    Args:
        place: the key in messages
        given: the parsed JSON value
        samples: the number of samples B, or None if unknown

    Returns:
        The list.

    Raises:
        TrickError: the value is no list or has the wrong length.

    """
    if not isinstance(given, list):
        raise TrickError(f"{place}: {kind(given)}, expected a list with one entry per sample")
    if samples is not None and len(given) != samples:
        raise TrickError(f"{place}: {len(given)} entries, rewards has {samples}; give one entry per sample")
    return given


def numbers(place: str, given: Any, samples: int | None, dtype: torch.dtype) -> Tensor:
    """Return finite numbers, one per sample.

    Args:
        place: the key in messages
        given: the parsed JSON value
        samples: the number of samples B, or None if unknown
        dtype: the dtype of the result

    Returns:
        Numbers (B,).

    Raises:
        TrickError: the value is no list of finite numbers, or has the wrong length.

    """
    tensor = _tensor(place, values(place, given, samples), dtype)
    _refuse_infinite(place, tensor, torch.ones_like(tensor, dtype=torch.bool), "score the sample or leave it out")
    return tensor


def flags(place: str, given: Any, samples: int) -> Tensor:
    """Return flags, one per sample; 1 and 0 are read as true and false.

    Args:
        place: the key in messages
        given: the parsed JSON value
        samples: the number of samples B

    Returns:
        Flags (B,), bool.

    Raises:
        TrickError: the value is no list of flags, or has the wrong length.

    """
    return torch.tensor(_flags(place, values(place, given, samples)), dtype=torch.bool)


def counts(place: str, given: Any, samples: int) -> list[int]:
    """Return whole numbers of at least 0, one per sample.

    Args:
        place: the key in messages
        given: the parsed JSON value
        samples: the number of samples B

    Returns:
        B integers.

    Raises:
        TrickError: the value is no list of such numbers, or has the wrong length.

    """
    for index, value in enumerate(values(place, given, samples)):
        read_integer(f"{place}[{index}]", value, least=0)
    return list(given)


def read_integer(place: str, given: Any, least: int) -> int:
    """Return one whole number.

    Args:
        place: the key in messages
        given: the parsed JSON value
        least: the smallest number allowed

    Returns:
        The number.

    Raises:
        TrickError: the value is no whole number, or is below ``least``.

    """
    if type(given) is not int or not least <= given < 2**63:
        raise TrickError(f"{place}: {kind(given)}, expected a whole number, {least} or more")
    return given


def groups(place: str, given: Any, samples: int) -> Tensor:
    """Return group ids, numbered in the order in which they appear.

    Args:
        place: the key in messages
        given: the parsed JSON value; all ids are integers, or all are strings
        samples: the number of samples B

    Returns:
        Ids (B,), int64.

    Raises:
        TrickError: the value is no list of ids, mixes the two kinds, or has the wrong length.

    """
    found = values(place, given, samples)
    for index, value in enumerate(found):
        if type(value) not in (int, str):
            raise TrickError(f"{place}[{index}]: {kind(value)}, expected a whole number or a string; name the prompt")
        if type(value) is not type(found[0]):
            raise TrickError(f"{place}[{index}]: {kind(value)} among ids like {kind(found[0])}; give all ids one type")
    order = {name: number for number, name in enumerate(dict.fromkeys(found))}
    return torch.tensor([order[name] for name in found])


def rows(place: str, given: Any, samples: int) -> list[list[Any]]:
    """Return one list per response.

    Args:
        place: the key in messages
        given: the parsed JSON value
        samples: the number of samples B

    Returns:
        B lists.

    Raises:
        TrickError: the value is no list of lists, or has the wrong length.

    """
    for index, row in enumerate(values(place, given, samples)):
        if not isinstance(row, list):
            raise TrickError(f"{place}[{index}]: {kind(row)}, expected a list with one number per token")
    return list(given)


def mask_rows(place: str, given: Any, samples: int) -> list[list[bool]]:
    """Return the mask of sampled tokens of each response.

    Args:
        place: the key in messages
        given: the parsed JSON value: rows of 1 and 0, or of true and false
        samples: the number of samples B

    Returns:
        B rows of flags.

    Raises:
        TrickError: the value is no list of such rows, or has the wrong length.

    """
    return [_flags(f"{place}[{index}]", row) for index, row in enumerate(rows(place, given, samples))]


def table(place: str, given: list[list[Any]], mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a padded table of numbers, 0 outside the mask, from rows of checked widths.

    Args:
        place: the key in messages
        given: one row per response
        mask: sampled tokens (B, T), bool
        dtype: the dtype of the result

    Returns:
        Numbers (B, T).

    Raises:
        TrickError: an entry is no number, or is not finite on a sampled token.

    """
    out = torch.zeros(mask.shape, dtype=dtype)
    for index, row in enumerate(given):
        out[index, : len(row)] = _tensor(f"{place}[{index}]", row, dtype)
    _refuse_infinite(place, out, mask, "every sampled token needs a finite number")
    return out.masked_fill(~mask, 0.0)


def refuse_widths(place: str, given: list[list[Any]], tokens: list[int], width: int) -> None:
    """Refuse a row that fits neither its response nor the width of the batch.

    Args:
        place: the key in messages
        given: one row per response
        tokens: the number of tokens of each response
        width: the width T of the batch in tokens

    Raises:
        TrickError: a row has another length; the message names the row.

    """
    for index, (row, own) in enumerate(zip(given, tokens, strict=True)):
        if len(row) == own or len(row) == width >= own:
            continue
        padded = f", or {width} as in the widest row" if width > own else ""
        raise TrickError(f"{place}[{index}]: {len(row)} entries, the response has {own} tokens; give {own}{padded}")


def _flags(place: str, given: Sequence[Any]) -> list[bool]:
    for index, value in enumerate(given):
        if type(value) not in (bool, int) or value not in (0, 1):
            raise TrickError(f"{place}[{index}]: {kind(value)}, expected true or false, or 1 or 0")
    return list(map(bool, given))


def _tensor(place: str, given: list[Any], dtype: torch.dtype) -> Tensor:
    if not set(map(type, given)) <= {int, float}:
        index, wrong = next((i, value) for i, value in enumerate(given) if type(value) not in (int, float))
        raise TrickError(f"{place}[{index}]: {kind(wrong)}, expected a number")
    try:
        return torch.tensor(given, dtype=torch.float64).to(dtype)
    except (OverflowError, RuntimeError):
        raise TrickError(f"{place}: has a whole number too large for a float; write numbers as 1e-3") from None


def _refuse_infinite(place: str, tensor: Tensor, where: Tensor, way_out: str) -> None:
    wrong = (~tensor.isfinite() & where).nonzero().tolist()
    if wrong:
        index = "".join(f"[{part}]" for part in wrong[0])
        value = tensor[tuple(wrong[0])].item()
        raise TrickError(f"{place}{index}: {value}, one of {len(wrong)} that are not finite; {way_out}")
