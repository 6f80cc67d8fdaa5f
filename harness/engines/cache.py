"""Keys and values of a batch that is being decoded, in memory set aside once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from harness.engines.attention import attend, by_head
from harness.engines.packing import prompt_bucket
from harness.engines.qwen3 import finish, next_logits, project

if TYPE_CHECKING:
    from harness.engines.qwen3_weights import Weights


@dataclass(slots=True)
class Cache:
    """Left-padded prompts first, then one slot for each token drawn."""

    keys: Tensor  # (layers, b, key heads, slots, size)
    values: Tensor  # (layers, b, key heads, slots, size)
    bias: Tensor  # (b, 1, P), hides the padding of the prompts
    positions: Tensor  # (b,) of the next token
    filled: int  # slots

    def keep(self, rows: Tensor) -> None:
        """Forget the sequences that are not in ``rows`` (b',)."""
        self.keys, self.values = (_kept(states, rows, self.filled) for states in (self.keys, self.values))
        self.bias, self.positions = self.bias[rows], self.positions[rows]


def prefill(weights: Weights, ids: Tensor, mask: Tensor, group: Tensor, tokens: int) -> tuple[Tensor, Cache]:
    """Read prompts (N, P) once, and hand logits (b, V) and cache to samples of prompts ``group`` (b,)."""
    heads, (count, width) = weights.heads, ids.shape
    places = (mask.cumsum(dim=1) - 1).clamp(min=0)
    bucket = prompt_bucket(torch.arange(count * width).view(count, width), mask)
    buckets, turns = [by_head(bucket, heads)], weights.turns(places.view(-1))
    shape = (len(weights.layers), len(group), heads.keys, width + tokens - 1, heads.size)
    bias = bucket.bias[group, -1:]  # the last token of a prompt sees all of it
    cache = Cache(torch.empty(shape), torch.empty(shape), bias, mask.sum(dim=1)[group], width)
    states = weights.embedding[ids.view(-1)]
    for index, layer in enumerate(weights.layers):
        rotated, values = project(states, layer, weights, turns)
        for memory, new in ((cache.keys, rotated[:, heads.queries :]), (cache.values, values)):
            memory[index, :, :, :width] = new.reshape(count, width, heads.keys, -1).transpose(1, 2)[group]
        states = finish(states, attend(rotated, values, buckets, heads), layer, weights)
    return next_logits(states.view(count, width, -1)[:, -1], weights)[group], cache


def advance(weights: Weights, cache: Cache, ids: Tensor) -> Tensor:
    """Logits (b, V) after one more token (b,) of each sequence."""
    turns, states = weights.turns(cache.positions), weights.embedding[ids]
    cache.positions, cache.filled = cache.positions + 1, cache.filled + 1
    for index, layer in enumerate(weights.layers):
        rotated, values = project(states, layer, weights, turns)
        cache.keys[index, :, :, cache.filled - 1] = rotated[:, weights.heads.queries :]
        cache.values[index, :, :, cache.filled - 1] = values.view(len(ids), weights.heads.keys, -1)
        mixed = _attend(rotated[:, : weights.heads.queries], cache, index)
        states = finish(states, mixed, layer, weights)
    return next_logits(states, weights)


def _attend(queries: Tensor, cache: Cache, index: int) -> Tensor:
    rows, heads, size = queries.shape
    keys, values = (states[index].flatten(0, 1)[:, : cache.filled] for states in (cache.keys, cache.values))
    scores = torch.bmm(queries.reshape(len(keys), -1, size), keys.transpose(1, 2))
    scores.view(rows, heads, -1)[:, :, : cache.bias.shape[2]].add_(cache.bias)
    return torch.bmm(torch.softmax(scores, dim=-1), values).view(rows, -1)


def _kept(states: Tensor, rows: Tensor, filled: int) -> Tensor:
    shorter = states.new_empty(len(states), len(rows), *states.shape[2:])
    shorter[:, :, :, :filled] = states[:, rows, :, :filled]
    return shorter
