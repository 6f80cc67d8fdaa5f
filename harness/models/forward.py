"""The Qwen3 forward pass in plain torch over the parameters of the Hugging Face model, for training on a CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from transformers import Qwen3Config, Qwen3ForCausalLM


def hidden_states(model: Qwen3ForCausalLM, ids: Tensor) -> Tensor:
    """Final hidden states (B, T, hidden) of right-padded ids (B, T), equal to those of ``model.model``."""
    config, weights = model.config, dict(model.named_parameters())
    rotation = _rotation(config, ids.shape[1])
    states = weights["model.embed_tokens.weight"][ids]
    for layer in range(config.num_hidden_layers):
        here = {name: weights[f"model.layers.{layer}.{name}.weight"] for name in _LAYER_WEIGHTS}
        normed = _norm(states, here["input_layernorm"], config)
        states = states + _attention(normed, here, rotation, config)
        normed = _norm(states, here["post_attention_layernorm"], config)
        gate, up = normed @ here["mlp.gate_proj"].T, normed @ here["mlp.up_proj"].T
        states = states + (functional.silu(gate) * up) @ here["mlp.down_proj"].T
    return _norm(states, weights["model.norm.weight"], config)


_LAYER_WEIGHTS = (
    "input_layernorm",
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "self_attn.q_norm",
    "self_attn.k_norm",
    "post_attention_layernorm",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)


def _attention(states: Tensor, here: dict[str, Tensor], rotation: tuple[Tensor, Tensor], config: Qwen3Config) -> Tensor:
    B, T, _ = states.shape
    queries, keys, values = (
        (states @ here[f"self_attn.{name}_proj"].T).view(B, T, -1, config.head_dim) for name in "qkv"
    )
    queries = _rotate(_norm(queries, here["self_attn.q_norm"], config).transpose(1, 2), rotation)
    keys = _rotate(_norm(keys, here["self_attn.k_norm"], config).transpose(1, 2), rotation)
    # Padding stands on the right, so the causal mask alone hides it from every real token.
    mixed = functional.scaled_dot_product_attention(
        queries, keys, values.transpose(1, 2), is_causal=True, enable_gqa=True
    )
    return mixed.transpose(1, 2).reshape(B, T, -1) @ here["self_attn.o_proj"].T


def _norm(states: Tensor, weight: Tensor, config: Qwen3Config) -> Tensor:
    return functional.rms_norm(states, (states.shape[-1],), weight, config.rms_norm_eps)


def _rotation(config: Qwen3Config, length: int) -> tuple[Tensor, Tensor]:
    exponents = torch.arange(0, config.head_dim, 2) / config.head_dim
    frequencies = config.rope_parameters["rope_theta"] ** -exponents
    angles = torch.outer(torch.arange(length), frequencies).repeat(1, 2)  # (T, head_dim)
    return angles.cos(), angles.sin()


def _rotate(states: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    cos, sin = rotation
    left, right = states.chunk(2, dim=-1)
    return states * cos + torch.cat((-right, left), dim=-1) * sin
