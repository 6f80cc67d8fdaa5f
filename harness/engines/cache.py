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

    layers: list[tuple[Tensor, Tensor]]  # keys and values (b, key heads, slots, size) of each layer
    bias: Tensor  # (b, 1, P), hides the padding of the prompts
    positions: Tensor  # (b,) of the next token
    turns: Tensor  # (positions, 1, size / 2)
    filled: int  # slots

    def keep(self, kept: Tensor) -> Tensor:
        """Forget the sequences that are not ``kept`` (b,). Returns the old rows (b',) of those that are, in new order.

        The last ones move into the gaps: far fewer move than stay.
        """
        order, left = torch.arange(len(kept)), int(kept.sum())
        gaps = torch.nonzero(~kept[:left])[:, 0]
        order[gaps] = torch.nonzero(kept[left:])[:, 0] + left
        order = order[:left]
        for states in (state for layer in self.layers for state in layer):
            states.index_copy_(0, gaps, states.index_select(0, order[gaps]))
        self.layers = [(keys[:left], values[:left]) for keys, values in self.layers]
        self.bias, self.positions = self.bias[order], self.positions[order]
        return order


def prefill(weights: Weights, ids: Tensor, mask: Tensor, group: Tensor, tokens: int) -> tuple[Tensor, Cache]:
    """Read prompts (N, P) once, and hand logits (b, V) and cache to samples of prompts ``group`` (b,)."""
    heads, (count, width) = weights.heads, ids.shape
    bucket = prompt_bucket(torch.arange(count * width).view(count, width), mask)
    buckets, turns = [by_head(bucket, heads)], weights.turns(width + tokens)
    bias = bucket.bias[group, -1:]  # the last token of a prompt sees all of it
    cache = Cache([], bias, mask.sum(dim=1)[group], turns, width)
    states = weights.embedding[ids.view(-1)]
    here = turns[(mask.cumsum(dim=1) - 1).clamp(min=0).view(-1)]
    for layer in weights.layers:
        rotated, values = project(states, layer, weights, here)
        both = rotated[:, heads.queries :], values
        keys, memory = (_spread(new.reshape(count, width, heads.keys, -1), group, tokens) for new in both)
        cache.layers.append((keys, memory))
        states = finish(states, attend(rotated, values, buckets, heads), layer, weights)
    return next_logits(states.view(count, width, -1)[:, -1], weights)[group], cache


def advance(weights: Weights, cache: Cache, ids: Tensor) -> Tensor:
    """Logits (b, V) after one more token (b,) of each sequence."""
    heads, slot = weights.heads, cache.filled
    turns, states = cache.turns[cache.positions], weights.embedding[ids]
    cache.positions, cache.filled = cache.positions + 1, cache.filled + 1
    for layer, (keys, values) in zip(weights.layers, cache.layers, strict=True):
        rotated, value = project(states, layer, weights, turns)
        keys[:, :, slot] = rotated[:, heads.queries :]
        values[:, :, slot] = value.view(len(ids), heads.keys, -1)
        mixed = _attend(rotated[:, : heads.queries], keys[:, :, : slot + 1], values[:, :, : slot + 1], cache.bias)
        states = finish(states, mixed, layer, weights)
    return next_logits(states, weights)


def _spread(states: Tensor, group: Tensor, tokens: int) -> Tensor:
    """States (N, P, key heads, size) of prompts in the first slots of their samples' memory."""
    _, width, heads, size = states.shape
    memory = states.new_empty(len(group), heads, width + tokens - 1, size)
    memory[:, :, :width] = states.transpose(1, 2)[group]
    return memory


def _attend(queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    rows, heads, size = queries.shape
    flat = queries.reshape(keys.shape[0] * keys.shape[1], -1, size)
    scores = torch.bmm(flat, keys.flatten(0, 1).transpose(1, 2))
    scores.view(rows, heads, -1)[:, :, : bias.shape[2]].add_(bias)
    return torch.bmm(torch.softmax(scores, dim=-1), values.flatten(0, 1)).view(rows, -1)
