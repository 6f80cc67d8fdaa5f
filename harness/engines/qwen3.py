"""The forward pass of a Qwen3-shaped model over packed tokens, on the parameters of the Hugging Face module."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.nn import functional

from harness.engines.attention import attend, by_head
from harness.engines.head import HEAD_ELEMENTS, Head, score_states
from harness.engines.hf_scores import hf_scores
from harness.engines.kernels import normalize, swiglu
from harness.engines.log_probs import Scores, score
from harness.engines.packing import Packing, attention_weights, pack
from harness.engines.qwen3_weights import Layer, Weights, fuse
from harness.engines.recompute import again
from harness.models.embedded import EmbeddedModel

if TYPE_CHECKING:
    from torch import Tensor

    from harness.engines.attention import HeadBucket
    from harness.engines.protocols import Samples


KEPT_WEIGHTS: Final = 1 << 27  # attention weights of one backward pass, 512 MiB


def compact_scores(
    model: Any, samples: Samples, temperature: float, *, entropy_grad: bool = False, recompute: bool = False
) -> Scores:
    """Log-probabilities and entropies (B, T) of the sampled tokens, 0 on padding. Each prompt is computed once.

    The backward pass keeps the attention weights. Where they would be more than ``KEPT_WEIGHTS``, in long contexts,
    the model's own forward scores the samples. ``recompute`` keeps only the inputs of layers for the backward.
    """
    heads = model.config.num_hidden_layers * model.config.num_attention_heads
    if heads * attention_weights(samples) > KEPT_WEIGHTS:
        own = model.of_transformers() if isinstance(model, EmbeddedModel) else model
        return hf_scores(own, samples, temperature, entropy_grad=entropy_grad, recompute=recompute)
    packing, weights = pack(samples), fuse(model)
    ids = samples.response_ids.view(-1)[packing.targets]
    states = hidden_states(weights, packing, recompute=recompute)[packing.predicting]
    if len(ids) * len(weights.embedding) <= HEAD_ELEMENTS:
        scores = score(_targeted(next_logits(states, weights), packing), ids, temperature, entropy_grad=entropy_grad)
    else:
        states = _targeted(normalize(states, weights.eps), packing)
        scores = score_states(states, Head(weights.head.T), ids, temperature, entropy_grad=entropy_grad)
    empty = torch.zeros(samples.response_ids.numel())
    return Scores(
        empty.index_copy(0, packing.targets, scores.log_probs).view(samples.response_ids.shape),
        empty.index_copy(0, packing.targets, scores.entropy).view(samples.response_ids.shape),
    )


def _targeted(predictions: Tensor, packing: Packing) -> Tensor:
    """Rows of the tokens that predict, in the order of ``packing.targets`` (A + R, ...)."""
    ends = len(predictions) - (len(packing.targets) - len(packing.answers))
    return torch.cat((predictions[:ends].index_select(0, packing.answers), predictions[ends:]))


def hidden_states(weights: Weights, packing: Packing, *, recompute: bool = False) -> Tensor:
    """Hidden states (M, hidden) of the packed tokens before the last norm."""
    buckets = [by_head(bucket, weights.heads) for bucket in packing.buckets]
    turns = weights.turns(int(packing.positions.max()) + 1)[packing.positions]
    states = functional.embedding(packing.ids, weights.embedding)
    through = partial(again, _through) if recompute and torch.is_grad_enabled() else _through
    for layer in weights.layers:
        states = through(states, layer, weights, turns, buckets)
    return states


def _through(states: Tensor, layer: Layer, weights: Weights, turns: Tensor, buckets: list[HeadBucket]) -> Tensor:
    rotated, values = project(states, layer, weights, turns)
    return finish(states, attend(rotated, values, buckets, weights.heads), layer, weights)


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
