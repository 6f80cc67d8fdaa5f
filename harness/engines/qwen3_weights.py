"""The weights of a Qwen3-shaped model as the compact forward reads them: fused, folded and differentiable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.engines.attention import Heads
from harness.models.embedded import EmbeddedModel


@dataclass(frozen=True, slots=True)
class Layer:
    """Matrices (in, out) of one layer, the weight of the norm before each folded in.

    The halves of a query or key head stand interleaved, which turns the rotation into a complex product.
    """

    queries_keys: Tensor  # (hidden, (queries + keys) * size)
    values: Tensor  # (hidden, keys * size)
    head_scale: Tensor  # (queries + keys, size), norm weights, those of the queries times size ** -0.5
    out: Tensor  # (queries * size, hidden)
    gate_up: Tensor  # (hidden, 2 * feed forward)
    down: Tensor  # (feed forward, hidden)


@dataclass(frozen=True, slots=True)
class Weights:
    """A whole model."""

    embedding: Tensor  # (V, hidden)
    layers: tuple[Layer, ...]
    head: Tensor  # (hidden, V), the last norm folded in
    heads: Heads
    frequencies: Tensor  # (size / 2,) radians per position
    eps: Tensor  # (), of every norm

    def turns(self, positions: int) -> Tensor:
        """Rotation of each pair at the first positions, as complex numbers (positions, 1, size / 2)."""
        angles = torch.outer(torch.arange(positions, dtype=torch.float32), self.frequencies)[:, None]
        return torch.polar(torch.ones_like(angles), angles)


def supports(model: Any) -> bool:
    """Whether the compact engines compute exactly what this model does."""
    return refusal(model) is None


def refusal(model: Any) -> str | None:
    """Why the compact engines cannot run a model, or None where they can."""
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
    """Order 0, 1, ..., 2n - 1 as 0, n, 1, n + 1, ... along ``dim``."""
    halves = torch.unflatten(weight, dim, (2, -1))
    return halves.transpose(dim, dim + 1).flatten(dim, dim + 1)
