"""Sampler for Qwen3-shaped models on a CPU, with a key-value cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from harness.common import SchemaError
from harness.engines.base import (
    DecodeText,
    SampledTokens,
    Vocabulary,
    assemble_samples,
    count_samples_at_once,
    draw_all_uniforms,
    is_end,
    left_pad,
    sample_tokens,
    split_prompts,
)
from harness.engines.qwen3.attention import attend, split_by_head
from harness.engines.qwen3.forward import find_refusal, finish_layer, fuse, next_logits, project
from harness.engines.qwen3.packing import prompt_bucket

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.engines.base import Decoding, Samples
    from harness.engines.qwen3.forward import Weights


FIRST_SLOTS: Final = 32  # for sampled tokens; a cache that is full grows by half


@dataclass(slots=True)
class Cache:
    """Key-value cache: left-padded prompts first, then one slot for each sampled token.

    It grows with the responses, since most sequences of a batch end long before the limit and are dropped.
    """

    layers: list[list[Tensor]]  # keys and values (b, key heads, slots, size) of each layer
    bias: Tensor  # (b, 1, P), hides the padding of the prompts
    positions: Tensor  # (b,) of the next token
    turns: Tensor  # (positions, 1, size / 2)
    filled: int  # slots
    limit: int  # slots that the longest response needs

    def make_room(self) -> None:
        """Add slots where all are filled."""
        if self.filled < self.layers[0][0].shape[2]:
            return
        slots = min(self.limit, self.filled + max(FIRST_SLOTS, self.filled // 2))
        for layer in self.layers:
            for kind in range(len(layer)):  # one by one, so that the memory of each old tensor serves the next new one
                layer[kind] = _grown(layer[kind], slots)

    def keep(self, kept: Tensor) -> Tensor:
        """Drop the sequences that are not ``kept`` (b,); return the old rows (b',) of the others.

        The last sequences move into the gaps, so that far fewer sequences move than stay.
        """
        order, left = torch.arange(len(kept)), int(kept.sum())
        gaps = torch.nonzero(~kept[:left])[:, 0]
        order[gaps] = torch.nonzero(kept[left:])[:, 0] + left
        order = order[:left]
        for states in (state for layer in self.layers for state in layer):
            states.index_copy_(0, gaps, states.index_select(0, order[gaps]))
        self.layers = [[states[:left] for states in layer] for layer in self.layers]
        self.bias, self.positions = self.bias[order], self.positions[order]
        return order


def prefill(weights: Weights, ids: Tensor, mask: Tensor, group: Tensor, tokens: int) -> tuple[Tensor, Cache]:
    """Run the prompts once and copy logits and cache to each prompt's samples.

    Args:
        weights: The model's weights.
        ids: (N, P) int64, left-padded prompts.
        mask: (N, P) bool.
        group: (b,) int64, prompt of each sample.
        tokens: Largest number of response tokens.

    Returns:
        Logits (b, V) of the first tokens, and the cache.

    """
    heads, (count, width) = weights.heads, ids.shape
    bucket = prompt_bucket(torch.arange(count * width).view(count, width), mask)
    buckets, turns = [split_by_head(bucket, heads)], weights.turns(width + tokens)
    bias = bucket.bias[group, -1:]  # the last token of a prompt sees all of it
    limit = width + tokens - 1
    cache = Cache([], bias, mask.sum(dim=1)[group], turns, width, limit)
    states = weights.embedding[ids.view(-1)]
    here = turns[(mask.cumsum(dim=1) - 1).clamp(min=0).view(-1)]
    for layer in weights.layers:
        rotated, values = project(states, layer, weights, here)
        both = rotated[:, heads.queries :], values
        slots = min(limit, width + FIRST_SLOTS)
        cache.layers.append([_spread(new.reshape(count, width, heads.keys, -1), group, slots) for new in both])
        states = finish_layer(states, attend(rotated, values, buckets, heads), layer, weights)
    return next_logits(states.view(count, width, -1)[:, -1], weights)[group], cache


def advance(weights: Weights, cache: Cache, ids: Tensor) -> Tensor:
    """Add one token to each sequence and compute the next logits.

    Args:
        weights: The model's weights.
        cache: The key-value cache, which is changed in place.
        ids: (b,) int64, the new tokens.

    Returns:
        Logits (b, V).

    """
    cache.make_room()
    heads, slot = weights.heads, cache.filled
    turns, states = cache.turns[cache.positions], weights.embedding[ids]
    cache.positions, cache.filled = cache.positions + 1, cache.filled + 1
    for layer, (keys, values) in zip(weights.layers, cache.layers, strict=True):
        rotated, value = project(states, layer, weights, turns)
        keys[:, :, slot] = rotated[:, heads.queries :]
        values[:, :, slot] = value.view(len(ids), heads.keys, -1)
        mixed = _attend(rotated[:, : heads.queries], keys[:, :, : slot + 1], values[:, :, : slot + 1], cache.bias)
        states = finish_layer(states, mixed, layer, weights)
    return next_logits(states, weights)


def _spread(states: Tensor, group: Tensor, slots: int) -> Tensor:
    """Copy prompt states (N, P, key heads, size) to the first slots of their samples' memory."""
    return _grown(states.transpose(1, 2)[group], slots)


def _grown(states: Tensor, slots: int) -> Tensor:
    """Copy states (b, key heads, filled, size) to the first of more slots."""
    rows, heads, filled, size = states.shape
    memory = states.new_empty(rows, heads, slots, size)
    memory[:, :, :filled] = states
    return memory


def _attend(queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    rows, heads, size = queries.shape
    flat = queries.reshape(keys.shape[0] * keys.shape[1], -1, size)
    scores = torch.bmm(flat, keys.flatten(0, 1).transpose(1, 2))
    scores.view(rows, heads, -1)[:, :, : bias.shape[2]].add_(bias)
    return torch.bmm(torch.softmax(scores, dim=-1), values.flatten(0, 1)).view(rows, -1)


CACHE_BYTES: Final = 256 << 20  # of keys and values at a time
WORTH_KEEPING: Final = 0.9  # share of unfinished samples below which the finished ones are dropped


class CompactSampler:
    """Sampler that uses a given module and reads its weights at every call.

    Except for rounding, a sample depends only on the weights, its prompt, the seed and its index, not on the other
    samples of the batch. Raises SchemaError for a model that ``find_refusal`` has a reason for.
    """

    def __init__(self, model: Any, eos_ids: Sequence[int], pad_id: int, decode_text: DecodeText) -> None:
        reason = find_refusal(model)
        if reason:
            raise SchemaError(f"backend.engine=compact cannot run this model: {reason}; use auto or hf")
        self._model, self._vocabulary = model, Vocabulary(tuple(eos_ids), pad_id, decode_text)

    @torch.no_grad()
    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int | Sequence[int]) -> Samples:
        """Sample responses to each prompt, as ``Sampler.sample`` describes."""
        prompt_ids, prompt_mask = left_pad(prompts, self._vocabulary.pad_id)
        weights, size = fuse(self._model), decoding.group_size
        chance = draw_all_uniforms(len(prompts), decoding, seed)
        at_once = _samples_at_once(weights, prompt_ids.shape[1], decoding)
        answers = [
            _answer(weights, prompt_ids[some], prompt_mask[some], chance[rows], decoding, self._vocabulary.eos_ids)
            for some, rows in split_prompts(len(prompts), size, at_once)
        ]
        drawn = SampledTokens.join(answers)
        return assemble_samples(prompt_ids, prompt_mask, drawn.ids, drawn.log_probs, self._vocabulary, drawn.log_kept)

    def update_weights(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Do nothing: the learner trains the same module."""

    def sleep(self) -> None:
        """Do nothing: the sampler holds no memory except the module."""


def _samples_at_once(weights: Weights, width: int, decoding: Decoding) -> int:
    slots = len(weights.layers) * weights.heads.keys * (width + decoding.max_response_length)
    sample_bytes = 2 * slots * weights.heads.size * weights.embedding.element_size()
    return count_samples_at_once(CACHE_BYTES, sample_bytes, len(weights.embedding))


def _answer(
    weights: Weights, prompt_ids: Tensor, prompt_mask: Tensor, uniform: Tensor, decoding: Decoding, eos: tuple[int, ...]
) -> SampledTokens:
    """Sample tokens (B, T) with uniform numbers ``uniform`` (B, T).

    Entries after an EOS are undefined.
    """
    group = torch.arange(len(prompt_ids)).repeat_interleave(len(uniform) // len(prompt_ids))
    logits, cache = prefill(weights, prompt_ids, prompt_mask, group, uniform.shape[1])
    ids, log_probs = torch.full(uniform.shape, eos[0]), torch.zeros(uniform.shape)
    log_kept = torch.zeros(uniform.shape) if decoding.cuts(logits.shape[-1]) else None
    rows, finished = torch.arange(len(uniform)), torch.zeros(len(uniform), dtype=torch.bool)
    for place in range(uniform.shape[1]):
        choice = sample_tokens(logits, uniform[rows, place], decoding)
        drawn = choice.ids
        ids[rows, place], log_probs[rows, place] = drawn, choice.log_probs
        if log_kept is not None and choice.log_kept is not None:
            log_kept[rows, place] = choice.log_kept
        finished = finished | is_end(drawn, eos)
        if finished.all() or place + 1 == uniform.shape[1]:
            break
        if finished.float().mean() > 1 - WORTH_KEEPING:
            order = cache.keep(~finished)
            rows, drawn, finished = rows[order], drawn[order], finished[order]
        logits = advance(weights, cache, drawn)
    return SampledTokens(ids, log_probs, log_kept)
