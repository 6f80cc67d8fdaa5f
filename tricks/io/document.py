"""Read and write a batch of rollouts as JSON (docs/rollouts.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from tricks.api import TrickError
from tricks.batch import Rollouts
from tricks.hints import positive_log_probs
from tricks.settings import suggest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence


_FORM: Final = "docs/rollouts.md shows the form"


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
        raise TrickError(f"{place}: {kind(given)}, expected a list with one entry a sample")
    if samples is not None and len(given) != samples:
        raise TrickError(f"{place}: {len(given)} entries, rewards has {samples}; give one entry a sample")
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
        whole(f"{place}[{index}]", value, least=0)
    return list(given)


def whole(place: str, given: Any, least: int) -> int:
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
            raise TrickError(f"{place}[{index}]: {kind(value)} among others like {kind(found[0])}; write all ids alike")
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
            raise TrickError(f"{place}[{index}]: {kind(row)}, expected a list with one number a token")
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
        raise TrickError(f"{place}: holds a whole number beyond every float; write numbers as 1e-3") from None


def _refuse_infinite(place: str, tensor: Tensor, where: Tensor, way_out: str) -> None:
    wrong = (~tensor.isfinite() & where).nonzero().tolist()
    if wrong:
        index = "".join(f"[{part}]" for part in wrong[0])
        value = tensor[tuple(wrong[0])].item()
        raise TrickError(f"{place}{index}: {value}, one of {len(wrong)} that are not finite; {way_out}")


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """The content of one key of a batch."""

    shape: str  # B samples, T tokens
    meaning: str
    required: bool = False


PARTS: Final[Mapping[str, DocumentPart]] = {
    "rewards": DocumentPart("B numbers", "the verifier's reward of each sample, before any shaping", required=True),
    "group": DocumentPart(
        "B ids", "which prompt each sample answers: whole numbers or strings, in any order", required=True
    ),
    "lengths": DocumentPart("B whole numbers", "tokens of each response; this or `response_mask`"),
    "response_mask": DocumentPart("B rows of 0 and 1", "1 on tokens the policy sampled; this or `lengths`"),
    "log_probs": DocumentPart("B rows", "log-probs of the tokens under the current policy", required=True),
    "old_log_probs": DocumentPart(
        "B rows", "under the policy that started the step; default: `log_probs`, every ratio 1"
    ),
    "sampler_log_probs": DocumentPart("B rows", "as the sampler computed them"),
    "ref_log_probs": DocumentPart("B rows", "under the reference model"),
    "entropies": DocumentPart("B rows", "entropy of the current policy at each token, nats"),
    "truncated": DocumentPart("B flags", "stopped by the length limit (finish reason); default: none"),
    "ended": DocumentPart("B flags", "the last token is EOS"),
    "formatted": DocumentPart("B flags", "has an answer in the requested format"),
    "max_response_length": DocumentPart("whole number", "the limit in tokens; default: the width of the rows"),
    "micro_batch": DocumentPart("B whole numbers", "samples of one number are computed together; default: all at once"),
}
_TABLES: Final[tuple[str, ...]] = ("log_probs", "old_log_probs", "sampler_log_probs", "ref_log_probs", "entropies")


@dataclass(frozen=True, slots=True)
class Document:
    """A batch and the current policy: the inputs of one gradient of the update."""

    rollouts: Rollouts
    log_probs: Tensor  # (B, T)
    entropies: Tensor | None  # (B, T)
    micro_batch: Tensor | None  # (B,) int64


def read_document(text: bytes, dtype: torch.dtype) -> Document:
    """Read a batch in ``dtype``.

    Raises TrickError that names the key and the index of the first fault.
    """
    given = read_object(text, PARTS)
    _refuse_missing(given)
    rewards = numbers("rewards", given["rewards"], None, dtype)
    if not (samples := len(rewards)):
        raise TrickError("rewards: no entries; a batch has at least one sample")
    mask, tables = _layout(given, samples)
    filled = {name: table(name, found, mask, dtype) for name, found in tables.items()}
    return Document(
        rollouts=Rollouts(
            old_log_probs=filled.get("old_log_probs", filled["log_probs"]),
            response_mask=mask,
            rewards=rewards,
            group=groups("group", given["group"], samples),
            truncated=flags("truncated", given.get("truncated", [False] * samples), samples),
            sampler_log_probs=filled.get("sampler_log_probs"),
            ref_log_probs=filled.get("ref_log_probs"),
            ended=flags("ended", given["ended"], samples) if "ended" in given else None,
            formatted=flags("formatted", given["formatted"], samples) if "formatted" in given else None,
            max_response_length=_limit(given, mask),
        ),
        log_probs=filled["log_probs"],
        entropies=filled.get("entropies"),
        micro_batch=_micro_batch(given, samples),
    )


def document_hints(document: Document) -> Iterator[str]:
    """Yield hints on numbers of a batch that are probably not intended: log-probs above 0."""
    rollouts = document.rollouts
    given = {"log_probs": document.log_probs} | {name: getattr(rollouts, name) for name in _TABLES[1:4]}
    for name, values in given.items():
        if values is not None and not (name == "old_log_probs" and values is document.log_probs):
            yield from positive_log_probs(name, values, rollouts.response_mask)


def _refuse_missing(given: dict[str, Any]) -> None:
    for name, part in PARTS.items():
        if part.required and name not in given:
            raise TrickError(f"{name}: required; give {part.meaning.split(';')[0]}")
    if ("lengths" in given) == ("response_mask" in given):
        fact = "both are given" if "lengths" in given else "neither is given, so padding cannot be told from tokens"
        raise TrickError(f"lengths, response_mask: {fact}; give one of them")


def _layout(given: dict[str, Any], samples: int) -> tuple[Tensor, dict[str, list[list[Any]]]]:
    """Return the mask (B, T) and the rows of each table. T is the width of the widest row."""
    tables = {name: rows(name, given[name], samples) for name in _TABLES if name in given}
    marks = mask_rows("response_mask", given["response_mask"], samples) if "response_mask" in given else []
    tokens = [_tokens(row) for row in marks] or counts("lengths", given["lengths"], samples)
    width = max(1, *(len(row) for found in (*tables.values(), marks) for row in found))
    for name, found in tables.items():
        refuse_widths(name, found, tokens, width)
    if not marks:
        return torch.arange(width) < torch.tensor(tokens)[:, None], tables
    refuse_widths("response_mask", marks, tokens, width)
    return torch.tensor([[*row, *[False] * (width - len(row))] for row in marks]), tables


def _tokens(marks: list[bool]) -> int:
    """Return the length of a response up to its last sampled token; its mask may have holes."""
    return max((place for place, sampled in enumerate(marks, start=1) if sampled), default=0)


def _limit(given: dict[str, Any], mask: Tensor) -> int:
    longest = int((mask * torch.arange(1, mask.shape[1] + 1)).max())
    limit = whole("max_response_length", given.get("max_response_length", mask.shape[1]), least=1)
    if limit < longest:
        raise TrickError(f"max_response_length: {limit}, a response has {longest} tokens; give the limit of sampling")
    return limit


def _micro_batch(given: dict[str, Any], samples: int) -> Tensor | None:
    return torch.tensor(counts("micro_batch", given["micro_batch"], samples)) if "micro_batch" in given else None


def write_document(document: Document) -> str:
    """Return the batch as JSON with ragged rows, one row per line."""
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {_lines(value)}" for key, value in _parts(document)) + "\n}\n"


def _parts(document: Document) -> Iterator[tuple[str, Any]]:
    rollouts, mask = document.rollouts, document.rollouts.response_mask
    places = torch.arange(1, mask.shape[1] + 1)
    lengths = (mask * places).amax(dim=1)  # up to the last sampled token
    yield "rewards", rollouts.rewards.tolist()
    yield "group", rollouts.group.tolist()
    if torch.equal(mask, places <= lengths[:, None]):
        yield "lengths", lengths.tolist()
    else:
        yield "response_mask", _rows(mask.long(), lengths)
    if rollouts.max_response_length is not None:
        yield "max_response_length", rollouts.max_response_length
    flags = {name: getattr(rollouts, name) for name in ("truncated", "ended", "formatted")}
    samples = flags | {"micro_batch": document.micro_batch}
    yield from ((name, part.tolist()) for name, part in samples.items() if part is not None)
    yield "log_probs", _rows(document.log_probs, lengths)
    tables = {name: getattr(rollouts, name) for name in ("old_log_probs", "sampler_log_probs", "ref_log_probs")}
    tokens = tables | {"entropies": document.entropies}
    yield from ((name, _rows(part, lengths)) for name, part in tokens.items() if part is not None)


def _rows(table: Tensor, lengths: Tensor) -> list[list[Any]]:
    return [row[:length] for row, length in zip(table.tolist(), lengths.tolist(), strict=True)]


def _lines(value: Any) -> str:
    if not (isinstance(value, list) and value and isinstance(value[0], list)):
        return json.dumps(value)
    return "[\n" + ",\n".join(json.dumps(row) for row in value) + "\n]"
