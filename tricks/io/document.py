"""Read and write a batch of rollouts as JSON (docs/reference/rollouts.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tricks.api import TrickError
from tricks.batch import Rollouts
from tricks.hints import hint_positive_log_probs
from tricks.io.values import (
    counts,
    flags,
    groups,
    mask_rows,
    numbers,
    read_integer,
    read_object,
    refuse_widths,
    rows,
    table,
)
from tricks.tensors import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor


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
    "micro_batch": DocumentPart(
        "B whole numbers", "samples of one number are computed together; default: all together"
    ),
}
_TABLES: Final[tuple[str, ...]] = ("log_probs", "old_log_probs", "sampler_log_probs", "ref_log_probs", "entropies")


@dataclass(frozen=True, slots=True)
class Document:
    """A batch and the current policy: the inputs of one gradient of the update."""

    rollouts: Rollouts
    log_probs: torch.Tensor  # (B, T)
    entropies: torch.Tensor | None  # (B, T)
    micro_batch: torch.Tensor | None  # (B,) int64


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
            yield from hint_positive_log_probs(name, values, rollouts.response_mask)


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
    limit = read_integer("max_response_length", given.get("max_response_length", mask.shape[1]), least=1)
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
