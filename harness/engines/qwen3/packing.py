"""Samples packed into one row of tokens without padding, with each prompt stored once.

The order of the packed rows is: the prompt tokens except the last of each prompt, the N last ones, the response tokens
that predict another token, and a blank row. Attention pads with the blank row. No loss reads it, so its gradient is
zero and it changes no other row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.engines.base import Samples

BUCKET_ROWS: Final = 32  # samples of similar length that attention pads to a common one
_HIDDEN: Final = -1e9  # not minus infinity: a blank query may see nothing else, which would give NaN


@dataclass(frozen=True, slots=True)
class Bucket:
    """Sequences of similar length: K keys each, whose last Q are also queries."""

    queries: Tensor  # (b, Q) packed rows
    keys: Tensor  # (b, K) packed rows
    bias: Tensor  # (b, Q, K) float32, 0 where a query may attend


@dataclass(frozen=True, slots=True)
class Packing:
    """M packed rows and the mapping back to (B, T)."""

    ids: Tensor  # (M,) int64
    positions: Tensor  # (M,) int64, counted from the first token of the prompt
    buckets: tuple[Bucket, ...]
    predicting: slice  # packed rows whose logits matter: N prompt ends, then R response tokens
    answers: Tensor  # (A,) the prompt of each sample that has a first token
    targets: Tensor  # (A + R,) int64 flat indices in (B, T): the first tokens, then the others


def pack(samples: Samples) -> Packing:
    """Pack samples whose prompts are left-padded and whose responses are right-padded."""
    token_mask, feeding = samples.response_mask, _feeding(samples.response_mask)
    prompts, responses = _numbered(samples.prompt_mask, feeding)
    ids, positions = torch.zeros(2, _blank(samples.prompt_mask, feeding) + 1, dtype=torch.int64)
    # Padding writes to the blank row, whose token and position do not matter.
    ids[prompts], ids[responses] = samples.prompt_ids, samples.response_ids
    positions[prompts], positions[responses] = _places(samples)
    first = torch.nonzero(token_mask[:, 0])[:, 0]
    others = torch.nonzero(feeding.view(-1))[:, 0] + 1
    return Packing(
        ids,
        positions,
        (prompt_bucket(prompts, samples.prompt_mask), *_response_buckets(samples, prompts, responses, feeding)),
        slice(int(prompts[0, -1]), len(ids) - 1),
        samples.group[first],
        torch.cat((first * token_mask.shape[1], others)),
    )


def attention_weights(samples: Samples) -> int:
    """Return the number of attention weights of one head and layer for packed samples.

    Padding inside buckets is included.
    """
    prompts, width = samples.prompt_mask.shape
    feeding = _feeding(samples.response_mask).sum(dim=1)
    lengths: list[int] = feeding[feeding > 0].sort().values.tolist()
    buckets = [lengths[start : start + BUCKET_ROWS] for start in range(0, len(lengths), BUCKET_ROWS)]
    return prompts * width * width + sum(len(bucket) * bucket[-1] * (width + bucket[-1]) for bucket in buckets)


def _feeding(token_mask: Tensor) -> Tensor:
    """Return a mask (B, T) of response tokens that predict another one: all but each last one."""
    return torch.nn.functional.pad(token_mask[:, 1:], (0, 1))


def _blank(prompt_mask: Tensor, feeding: Tensor) -> int:
    return int(prompt_mask.sum() + feeding.sum())


def _numbered(prompt_mask: Tensor, feeding: Tensor) -> tuple[Tensor, Tensor]:
    """Return packed rows of the prompt tokens (N, P) and of the response tokens (B, T)."""
    blank, ends = _blank(prompt_mask, feeding), len(prompt_mask)
    prompts, responses = (torch.full(mask.shape, blank) for mask in (prompt_mask, feeding))
    inner = int(prompt_mask[:, :-1].sum())
    prompts[:, :-1][prompt_mask[:, :-1]] = torch.arange(inner)
    prompts[:, -1] = torch.arange(inner, inner + ends)
    responses[feeding] = torch.arange(inner + ends, blank)
    return prompts, responses


def _places(samples: Samples) -> tuple[Tensor, Tensor]:
    """Return positions of the prompt tokens (N, P) and of the response tokens (B, T)."""
    lengths = samples.prompt_mask.sum(dim=1)[samples.group]  # (B,)
    responses = lengths[:, None] + torch.arange(samples.response_ids.shape[1])
    return (samples.prompt_mask.cumsum(dim=1) - 1).clamp(min=0), responses


def prompt_bucket(prompts: Tensor, prompt_mask: Tensor) -> Bucket:
    """Return the bucket of prompts (N, P) that attend to themselves, given their packed rows."""
    causal = torch.ones(prompts.shape[1], prompts.shape[1], dtype=torch.bool).tril()
    return Bucket(prompts, prompts, _bias(prompt_mask[:, None] & causal))


def _response_buckets(samples: Samples, prompts: Tensor, responses: Tensor, feeding: Tensor) -> Iterator[Bucket]:
    lengths, order = feeding.sum(dim=1).sort(stable=True)
    order = order[lengths > 0]
    for rows in (order[start : start + BUCKET_ROWS] for start in range(0, len(order), BUCKET_ROWS)):
        width, group = int(feeding[rows].sum(dim=1).max()), samples.group[rows]
        queries = responses[rows, :width]
        causal = torch.ones(width, width, dtype=torch.bool).tril().expand(len(rows), -1, -1)
        seen = torch.cat((samples.prompt_mask[group][:, None].expand(-1, width, -1), causal), dim=2)
        yield Bucket(queries, torch.cat((prompts[group], queries), dim=1), _bias(seen))


def _bias(seen: Tensor) -> Tensor:
    return torch.zeros(seen.shape).masked_fill_(~seen, _HIDDEN)
