"""A batch written as the JSON that ``document`` reads: the same batch comes back, bit by bit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.document import Document


def write_document(document: Document) -> str:
    """The batch with ragged rows, one row a line."""
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
