"""One stage of supervised training on one CPU thread; the same seed gives the same weights."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedTokenizerBase, Qwen3ForCausalLM

from harness.models.batches import IGNORED, Batch, batches
from harness.models.forward import hidden_states
from harness.models.shape import SHAPES, Size, qwen3_config

if TYPE_CHECKING:
    from harness.models.recipe import Stage

_WARM_UP_STEPS = 50
_REPORT_EVERY = 100

Report = Callable[[int, float], None]  # step, mean loss since the last report


def new_model(size: Size, tokenizer: PreTrainedTokenizerBase, seed: int) -> Qwen3ForCausalLM:
    """An untrained model in fp32."""
    torch.manual_seed(seed)
    return Qwen3ForCausalLM(qwen3_config(SHAPES[size], tokenizer))


def train(
    model: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    stage: Stage,
    seed: int | str,
    report: Report,
) -> None:
    """Teach ``model`` one stage, in place."""
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
    """Share of the peak learning rate: warm-up, flat, then down to zero over the second half."""
    warm_up = min(1.0, (step + 1) / _WARM_UP_STEPS)
    return min(warm_up, 2 * (steps - step) / steps)


def _loss(model: Qwen3ForCausalLM, batch: Batch) -> Tensor:
    taught = batch.targets != IGNORED
    logits = hidden_states(model, batch.ids)[taught] @ model.lm_head.weight.T
    # Batches hold texts of one length, so a mean over each would make a token of a short text weigh more.
    return functional.cross_entropy(logits, batch.targets[taught], reduction="sum") / batch.usual
