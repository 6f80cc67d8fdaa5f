"""Pretrain an embedded model on one CPU thread."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedTokenizerBase, Qwen3ForCausalLM

from tools.embedded_models.batches import IGNORED, TextBatch, batches
from tools.embedded_models.recipe import SHAPES, Size, qwen3_config

if TYPE_CHECKING:
    from transformers import Qwen3Config

    from tools.embedded_models.recipe import Stage


def hidden_states(model: Qwen3ForCausalLM, ids: Tensor) -> Tensor:
    """Return the final hidden states (B, T, hidden) of right-padded ids (B, T).

    They equal those of ``model.model``; this computation is faster.
    """
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
    # Padding is on the right, so the causal mask is enough to hide it from every real token.
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


_WARM_UP_STEPS = 50
_REPORT_EVERY = 100

Report = Callable[[int, float], None]  # step, mean loss since the last report


def new_model(size: Size, tokenizer: PreTrainedTokenizerBase, seed: int) -> Qwen3ForCausalLM:
    """Return an untrained model in fp32.

    Args:
        size: the size of the model
        tokenizer: the tokenizer, which gives the vocabulary and the special tokens
        seed: the seed of the initial weights

    Returns:
        The model.

    """
    torch.manual_seed(seed)
    return Qwen3ForCausalLM(qwen3_config(SHAPES[size], tokenizer))


def train(
    model: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    stage: Stage,
    seed: int | str,
    report: Report,
) -> None:
    """Train a model through one stage, in place.

    Args:
        model: the model, in fp32
        tokenizer: its tokenizer
        stage: the texts, the number of steps and the learning rate
        seed: the seed of the texts
        report: called every 100 steps with the step and the mean loss since the last call

    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=stage.lr, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: lr_share(step, stage.steps))
    losses: list[float] = []
    for step, batch in zip(range(1, stage.steps + 1), batches(stage, tokenizer, random.Random(seed)), strict=False):
        loss = _loss(model, batch)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        losses.append(loss.item())
        if step % _REPORT_EVERY == 0 or step == stage.steps:
            report(step, sum(losses) / len(losses))
            losses.clear()


def lr_share(step: int, steps: int) -> float:
    """Return the share of the peak learning rate at a step.

    It warms up, stays flat, and decays linearly over the second half.
    """
    warm_up = min(1.0, (step + 1) / _WARM_UP_STEPS)
    return min(warm_up, 2 * (steps - step) / steps)


def _loss(model: Qwen3ForCausalLM, batch: TextBatch) -> Tensor:
    taught = batch.targets != IGNORED
    logits = hidden_states(model, batch.ids)[taught] @ model.lm_head.weight.T
    # Texts of a batch have similar lengths, so a mean over each batch would give tokens of short texts more weight.
    return functional.cross_entropy(logits, batch.targets[taught], reduction="sum") / batch.usual
