"""The forward pass of a Qwen3-shaped model over packed tokens, on the parameters of the Hugging Face module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from harness.engines.attention import attend, by_head
from harness.engines.kernels import normalize, swiglu
from harness.engines.log_probs import Scores, score
from harness.engines.packing import Packing, pack
from harness.engines.qwen3_weights import Layer, Weights, fuse

if TYPE_CHECKING:
    from torch import Tensor

    from harness.engines.protocols import Samples


def compact_scores(model: Any, samples: Samples, temperature: float, *, entropy_grad: bool = False) -> Scores:
    """Log-probabilities and entropies (B, T) of the sampled tokens, 0 on padding. Each prompt is computed once."""
    packing = pack(samples)
    ids = samples.response_ids.view(-1)[packing.targets]
    scores = score(_logits(fuse(model), packing), ids, temperature, entropy_grad=entropy_grad)
    empty = torch.zeros(samples.response_ids.numel())
    return Scores(
        empty.index_copy(0, packing.targets, scores.log_probs).view(samples.response_ids.shape),
        empty.index_copy(0, packing.targets, scores.entropy).view(samples.response_ids.shape),
    )


def _logits(weights: Weights, packing: Packing) -> Tensor:
    """Logits (A + R, V) in the order of ``packing.targets``."""
    states = hidden_states(weights, packing)[packing.predicting]
    logits = next_logits(states, weights)
    ends = len(states) - (len(packing.targets) - len(packing.answers))
    return torch.cat((logits[:ends].index_select(0, packing.answers), logits[ends:]))


def hidden_states(weights: Weights, packing: Packing) -> Tensor:
    """Hidden states (M, hidden) of the packed tokens before the last norm."""
    buckets = [by_head(bucket, weights.heads) for bucket in packing.buckets]
    turns = weights.turns(int(packing.positions.max()) + 1)[packing.positions]
    states = functional.embedding(packing.ids, weights.embedding)
    for layer in weights.layers:
        rotated, values = project(states, layer, weights, turns)
        states = finish(states, attend(rotated, values, buckets, weights.heads), layer, weights)
    return states


def project(states: Tensor, layer: Layer, weights: Weights, turns: Tensor) -> tuple[Tensor, Tensor]:
    """What attention needs of each token: rotated queries and keys (M, queries + keys, size), values (M, keys * size).

    The halves of each query and key stand interleaved, so that a pair is one complex number.
    """
    heads, normed = weights.heads, normalize(states, weights.eps)
    projected = (normed @ layer.queries_keys).view(len(states), -1, heads.size)
    scaled = normalize(projected, weights.eps) * layer.head_scale
    pairs = torch.view_as_complex(scaled.view(*scaled.shape[:2], -1, 2))
    return torch.view_as_real(pairs * turns).flatten(2), normed @ layer.values


def finish(states: Tensor, mixed: Tensor, layer: Layer, weights: Weights) -> Tensor:
    """Hidden states after the layer whose attention mixed (M, queries * size)."""
    states = torch.addmm(states, mixed, layer.out)
    return torch.addmm(states, swiglu(normalize(states, weights.eps) @ layer.gate_up), layer.down)


def next_logits(states: Tensor, weights: Weights) -> Tensor:
    """Logits (M, V) of the tokens that follow."""
    return normalize(states, weights.eps) @ weights.head
