"""Lists of a JSON batch as tensors: one value a sample, or one row a response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from tricks.api import TrickError
from tricks.document_text import kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def values(place: str, given: Any, samples: int | None = None) -> list[Any]:
    """A list, of one value a sample where ``samples`` is known. Raises TrickError where it is none."""
    if not isinstance(given, list):
        raise TrickError(f"{place}: {kind(given)}, expected a list with one entry a sample")
    if samples is not None and len(given) != samples:
        raise TrickError(f"{place}: {len(given)} entries, rewards has {samples}; give one entry a sample")
    return given


def numbers(place: str, given: Any, samples: int | None, dtype: torch.dtype) -> Tensor:
    """Finite numbers (B,)."""
    tensor = _tensor(place, values(place, given, samples), dtype)
    _refuse_infinite(place, tensor, torch.ones_like(tensor, dtype=torch.bool), "score the sample or leave it out")
    return tensor


def flags(place: str, given: Any, samples: int) -> Tensor:
    """True or false (B,); 1 and 0 are read as such."""
    return torch.tensor(_flags(place, values(place, given, samples)), dtype=torch.bool)


def counts(place: str, given: Any, samples: int) -> list[int]:
    """Whole numbers, 0 or more, one a sample."""
    for index, value in enumerate(values(place, given, samples)):
        whole(f"{place}[{index}]", value, least=0)
    return list(given)


def whole(place: str, given: Any, least: int) -> int:
    """One whole number."""
    if type(given) is not int or not least <= given < 2**63:
        raise TrickError(f"{place}: {kind(given)}, expected a whole number, {least} or more")
    return given


def groups(place: str, given: Any, samples: int) -> Tensor:
    """Group ids (B,) int64, numbered in the order in which they appear; the ids are all numbers or all strings."""
    found = values(place, given, samples)
    for index, value in enumerate(found):
        if type(value) not in (int, str):
            raise TrickError(f"{place}[{index}]: {kind(value)}, expected a whole number or a string; name the prompt")
        if type(value) is not type(found[0]):
            raise TrickError(f"{place}[{index}]: {kind(value)} among others like {kind(found[0])}; write all ids alike")
    order = {name: number for number, name in enumerate(dict.fromkeys(found))}
    return torch.tensor([order[name] for name in found])


def rows(place: str, given: Any, samples: int) -> list[list[Any]]:
    """One list a response."""
    for index, row in enumerate(values(place, given, samples)):
        if not isinstance(row, list):
            raise TrickError(f"{place}[{index}]: {kind(row)}, expected a list with one number a token")
    return list(given)


def mask_rows(place: str, given: Any, samples: int) -> list[list[bool]]:
    """Which tokens of each row were sampled: 1 and 0, or true and false."""
    return [_flags(f"{place}[{index}]", row) for index, row in enumerate(rows(place, given, samples))]


def table(place: str, given: list[list[Any]], mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Numbers (B, T), 0 off the mask, from rows whose widths are right."""
    out = torch.zeros(mask.shape, dtype=dtype)
    for index, row in enumerate(given):
        out[index, : len(row)] = _tensor(f"{place}[{index}]", row, dtype)
    _refuse_infinite(place, out, mask, "every sampled token needs a finite number")
    return out.masked_fill(~mask, 0.0)


def refuse_widths(place: str, given: list[list[Any]], tokens: list[int], width: int) -> None:
    """Raise TrickError where a row has neither as many entries as its response has tokens nor the batch's width."""
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
        raise TrickError(f"{place}: holds a whole number beyond every float; write numbers as 1e-3") from None


def _refuse_infinite(place: str, tensor: Tensor, where: Tensor, way_out: str) -> None:
    wrong = (~tensor.isfinite() & where).nonzero().tolist()
    if wrong:
        index = "".join(f"[{part}]" for part in wrong[0])
        value = tensor[tuple(wrong[0])].item()
        raise TrickError(f"{place}{index}: {value}, one of {len(wrong)} that are not finite; {way_out}")
