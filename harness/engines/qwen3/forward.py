"""Forward pass of a Qwen3-shaped model over packed tokens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from harness.engines.base import Scores, score_logits
from harness.engines.qwen3.attention import Heads, attend, normalize, split_by_head, swiglu
from harness.engines.qwen3.packing import Packing, attention_weights, pack
from harness.engines.torch import HEAD_ELEMENTS, Head, checkpoint_layer, score_samples_hf, score_states
from harness.models import EmbeddedModel

if TYPE_CHECKING:
    from harness.engines.base import Samples
    from harness.engines.qwen3.attention import HeadBucket


@dataclass(frozen=True, slots=True)
class Layer:
    """Matrices (in, out) of one layer, with the weight of the preceding norm folded in.

    The halves of each query or key head are interleaved, which makes the rotation a complex product.
    """

    queries_keys: Tensor  # (hidden, (queries + keys) * size)
    values: Tensor  # (hidden, keys * size)
    head_scale: Tensor  # (queries + keys, size), norm weights, those of the queries times size ** -0.5
    out: Tensor  # (queries * size, hidden)
    gate_up: Tensor  # (hidden, 2 * feed forward)
    down: Tensor  # (feed forward, hidden)


@dataclass(frozen=True, slots=True)
class Weights:
    """All weights of a model."""

    embedding: Tensor  # (V, hidden)
    layers: tuple[Layer, ...]
    head: Tensor  # (hidden, V), the last norm folded in
    heads: Heads
    frequencies: Tensor  # (size / 2,) radians per position
    eps: Tensor  # (), of every norm

    def turns(self, positions: int) -> Tensor:
        """Return the rotation of each pair at the first positions, complex (positions, 1, size / 2)."""
        angles = torch.outer(torch.arange(positions, dtype=torch.float32), self.frequencies)[:, None]
        return torch.polar(torch.ones_like(angles), angles)


def is_supported(model: Any) -> bool:
    """Return whether the compact engines compute exactly what this model does."""
    return find_refusal(model) is None


def find_refusal(model: Any) -> str | None:
    """Return the reason why the compact engines cannot run a model, or None where they can."""
    if isinstance(model, EmbeddedModel):
        return None
    from transformers import Qwen3ForCausalLM  # noqa: PLC0415 - there with any model but an embedded one

    if not isinstance(model, Qwen3ForCausalLM):
        return f"{type(model).__name__} is not Qwen3ForCausalLM"
    config, weight = model.config, model.model.embed_tokens.weight
    plain = config.hidden_act == "silu" and config.rope_parameters["rope_type"] == "default"
    full = all(kind == "full_attention" for kind in config.layer_types)
    if not (plain and full) or config.attention_bias or config.attention_dropout:
        return "its activation, rotation or attention is not the usual one of Qwen3"
    if weight.dtype != torch.float32:
        return f"its weights are {str(weight.dtype).removeprefix('torch.')}, not float32"
    return None if weight.device.type == "cpu" else "it is not on the CPU"


def fuse(model: Any) -> Weights:
    """Read the weights of the module. Gradients flow back to its parameters."""
    config, body = model.config, model.model
    heads = Heads(config.num_attention_heads, config.num_key_value_heads, config.head_dim)
    return Weights(
        body.embed_tokens.weight,
        tuple(_layer(layer, heads) for layer in body.layers.children()),
        (model.lm_head.weight * body.norm.weight).T,
        heads,
        body.rotary_emb.inv_freq,
        torch.tensor(config.rms_norm_eps),
    )


def _layer(layer: Any, heads: Heads) -> Layer:
    attention, mlp = layer.self_attn, layer.mlp
    before, after = layer.input_layernorm.weight, layer.post_attention_layernorm.weight
    queries_keys = torch.cat((attention.q_proj.weight, attention.k_proj.weight))
    scale = attention.q_norm.weight * heads.size**-0.5
    head_scale = torch.cat((scale.expand(heads.queries, -1), attention.k_norm.weight.expand(heads.keys, -1)))
    return Layer(
        (_interleave(queries_keys.view(-1, heads.size, len(before)), 1).flatten(0, 1) * before).T,
        (attention.v_proj.weight * before).T,
        _interleave(head_scale, 1),
        attention.o_proj.weight.T,
        (torch.cat((mlp.gate_proj.weight, mlp.up_proj.weight)) * after).T,
        mlp.down_proj.weight.T,
    )


def _interleave(weight: Tensor, dim: int) -> Tensor:
    """Reorder 0, 1, ..., 2n - 1 as 0, n, 1, n + 1, ... along ``dim``."""
    halves = torch.unflatten(weight, dim, (2, -1))
    return halves.transpose(dim, dim + 1).flatten(dim, dim + 1)


KEPT_WEIGHTS: Final = 1 << 27  # attention weights of one backward pass, 512 MiB


def score_samples_compact(
    model: Any, samples: Samples, temperature: float, *, entropy_grad: bool = False, recompute: bool = False
) -> Scores:
    """Compute log-probabilities and entropies of the sampled tokens, each prompt once.

    The backward pass keeps the attention weights. In long contexts, where they would exceed ``KEPT_WEIGHTS``, the
    model's own forward pass scores the samples.

    Args:
        model: A model that ``is_supported`` accepts.
        samples: B samples.
        temperature: Divisor of the logits, above 0.
        entropy_grad: Whether gradients flow through the entropies.
        recompute: Whether layers keep only their inputs for the backward pass.

    Returns:
        Log-probabilities and entropies (B, T), 0 on padding.

    """
    heads = model.config.num_hidden_layers * model.config.num_attention_heads
    if heads * attention_weights(samples) > KEPT_WEIGHTS:
        own = model.of_transformers() if isinstance(model, EmbeddedModel) else model
        return score_samples_hf(own, samples, temperature, entropy_grad=entropy_grad, recompute=recompute)
    packing, weights = pack(samples), fuse(model)
    ids = samples.response_ids.view(-1)[packing.targets]
    states = hidden_states(weights, packing, recompute=recompute)[packing.predicting]
    if len(ids) * len(weights.embedding) <= HEAD_ELEMENTS:
        scores = score_logits(
            _targeted(next_logits(states, weights), packing), ids, temperature, entropy_grad=entropy_grad
        )
    else:
        states = _targeted(normalize(states, weights.eps), packing)
        scores = score_states(states, Head(weights.head.T), ids, temperature, entropy_grad=entropy_grad)
    empty = torch.zeros(samples.response_ids.numel())
    return Scores(
        empty.index_copy(0, packing.targets, scores.log_probs).view(samples.response_ids.shape),
        empty.index_copy(0, packing.targets, scores.entropy).view(samples.response_ids.shape),
    )


def _targeted(predictions: Tensor, packing: Packing) -> Tensor:
    """Return the rows that predict ``packing.targets``, in their order (A + R, ...)."""
    ends = len(predictions) - (len(packing.targets) - len(packing.answers))
    return torch.cat((predictions[:ends].index_select(0, packing.answers), predictions[ends:]))


def hidden_states(weights: Weights, packing: Packing, *, recompute: bool = False) -> Tensor:
    """Compute hidden states of packed tokens before the last norm.

    Args:
        weights: The model's weights.
        packing: M packed tokens.
        recompute: Whether layers keep only their inputs for the backward pass.

    Returns:
        (M, hidden).

    """
    buckets = [split_by_head(bucket, weights.heads) for bucket in packing.buckets]
    turns = weights.turns(int(packing.positions.max()) + 1)[packing.positions]
    states = functional.embedding(packing.ids, weights.embedding)
    through = partial(checkpoint_layer, _through) if recompute and torch.is_grad_enabled() else _through
    for layer in weights.layers:
        states = through(states, layer, weights, turns, buckets)
    return states


def _through(states: Tensor, layer: Layer, weights: Weights, turns: Tensor, buckets: list[HeadBucket]) -> Tensor:
    rotated, values = project(states, layer, weights, turns)
    return finish_layer(states, attend(rotated, values, buckets, weights.heads), layer, weights)


def project(states: Tensor, layer: Layer, weights: Weights, turns: Tensor) -> tuple[Tensor, Tensor]:
    """Compute rotated queries and keys, and values, of each token.

    The halves of each query and key are interleaved, so that a pair is one complex number.

    Args:
        states: (M, hidden), hidden states before the layer.
        layer: The layer's matrices.
        weights: The model's weights.
        turns: (M, 1, size / 2) complex, rotation at each token's position.

    Returns:
        Queries and keys (M, queries + keys, size), and values (M, keys * size).

    """
    heads, normed = weights.heads, normalize(states, weights.eps)
    projected = (normed @ layer.queries_keys).view(len(states), -1, heads.size)
    scaled = normalize(projected, weights.eps) * layer.head_scale
    pairs = torch.view_as_complex(scaled.view(*scaled.shape[:2], -1, 2))
    return torch.view_as_real(pairs * turns).flatten(2), normed @ layer.values


def finish_layer(states: Tensor, mixed: Tensor, layer: Layer, weights: Weights) -> Tensor:
    """Compute the rest of a layer after attention.

    Args:
        states: (M, hidden), hidden states before the layer.
        mixed: (M, queries * size), result of the attention.
        layer: The layer's matrices.
        weights: The model's weights.

    Returns:
        (M, hidden), hidden states after the layer.

    """
    states = torch.addmm(states, mixed, layer.out)
    return torch.addmm(states, swiglu(normalize(states, weights.eps) @ layer.gate_up), layer.down)


def next_logits(states: Tensor, weights: Weights) -> Tensor:
    """Return logits (M, V) of the next tokens from hidden states (M, hidden)."""
    return normalize(states, weights.eps) @ weights.head
