"""Log-probabilities and entropies of tokens from logits, in float32 and in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK_ELEMENTS: Final = 1 << 22  # logits scored at a time, 16 MiB in float32


@dataclass(frozen=True, slots=True)
class Scores:
    """What a policy says about tokens; the shape is that of the token ids."""

    log_probs: Tensor  # float32, differentiable
    entropy: Tensor  # nats of the whole distribution, float32, no grad


def score(logits: Tensor, ids: Tensor, temperature: float) -> Scores:
    """Log-probability of ``ids`` (...,) and entropy under softmax(``logits`` / ``temperature``) (..., V).

    Neither pass holds more than a chunk of the softmax beside the logits and their gradient.
    """
    flat = logits.reshape(-1, logits.shape[-1])
    log_probs, entropy = _Score.apply(flat, ids.reshape(-1), temperature)  # type: ignore[no-untyped-call]
    return Scores(log_probs.view(ids.shape), entropy.view(ids.shape))


class _Score(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, ids: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
        log_probs, entropy = logits.new_empty(2, len(ids), dtype=torch.float32)
        for rows in _chunks(logits):
            scaled = logits[rows].float() / temperature
            log_total = scaled.logsumexp(dim=-1)
            log_probs[rows] = scaled.gather(1, ids[rows, None])[:, 0] - log_total
            # A logit of minus infinity would turn 0 * inf into nan; its token adds nothing.
            mean = (torch.softmax(scaled, dim=-1) * scaled.clamp(min=torch.finfo(torch.float32).min)).sum(dim=-1)
            entropy[rows] = log_total - mean
        ctx.save_for_backward(logits, ids)
        ctx.temperature = temperature
        ctx.mark_non_differentiable(entropy)
        return log_probs, entropy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, None, None]:
        logits, ids = ctx.saved_tensors
        grads = torch.empty_like(logits)
        for rows in _chunks(logits):
            share = grad[rows, None] / ctx.temperature  # (rows, 1)
            chunk = torch.softmax(logits[rows].float() / ctx.temperature, dim=-1).mul_(-share)
            grads[rows] = chunk.scatter_add_(1, ids[rows, None], share)
        return grads, None, None


def _chunks(logits: Tensor) -> list[slice]:
    size = max(1, CHUNK_ELEMENTS // logits.shape[-1])
    return [slice(start, start + size) for start in range(0, len(logits), size)]
