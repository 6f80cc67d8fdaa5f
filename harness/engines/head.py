"""Scores of tokens straight from hidden states: only a chunk of logits exists at a time, in both passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from harness.engines.log_probs import Scores, chunks, gradient, values, wide

HEAD_ELEMENTS: Final = 1 << 25  # logits at a time, 128 MiB in float32


@dataclass(frozen=True, slots=True)
class Head:
    r"""Logits are :math:`z = s (W h + b)`, or :math:`c \tanh(z / c)` where a model caps them."""

    weight: Tensor  # W (V, hidden)
    bias: Tensor | None = None  # b (V,)
    scale: float = 1.0  # s
    cap: float | None = None  # c


def logits(states: Tensor, head: Head) -> Tensor:
    """Logits (..., V) of ``states`` (..., hidden), in float32 at least."""
    plain = wide(torch.nn.functional.linear(states, head.weight, head.bias))
    if head.scale != 1:
        plain = plain * head.scale
    return plain if head.cap is None else head.cap * torch.tanh(plain / head.cap)


def score_states(states: Tensor, head: Head, ids: Tensor, temperature: float, *, entropy_grad: bool = False) -> Scores:
    """What ``score`` gives for the logits of ``states`` (M, hidden) and ``ids`` (M,)."""
    log_probs, entropy = _ScoreStates.apply(  # type: ignore[no-untyped-call]
        states, head.weight, head.bias, head, ids, temperature, entropy_grad
    )
    return Scores(log_probs, entropy)


class _ScoreStates(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        head: Head,
        ids: Tensor,
        temperature: float,
        entropy_grad: bool,
    ) -> tuple[Tensor, Tensor]:
        log_probs, entropy = wide(states.new_empty(2, len(ids)))
        for rows in chunks(len(ids), len(weight), HEAD_ELEMENTS):
            log_probs[rows], entropy[rows] = values(logits(states[rows], head), ids[rows], temperature)
        ctx.save_for_backward(states, weight, bias, ids, entropy if entropy_grad else None)
        ctx.scale, ctx.cap, ctx.temperature = head.scale, head.cap, temperature
        if not entropy_grad:
            ctx.mark_non_differentiable(entropy)
        return log_probs, entropy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, spread: Tensor) -> tuple[Tensor | None, ...]:
        states, weight, bias, ids, entropy = ctx.saved_tensors
        head = Head(weight, bias, ctx.scale, ctx.cap)
        # Sums over all tokens are kept in float32; those of one chunk have the weight's own precision.
        of_states, of_weight = torch.empty_like(states), wide(torch.zeros_like(weight))
        of_bias = None if bias is None else wide(torch.zeros_like(bias))
        for rows in chunks(len(ids), len(weight), HEAD_ELEMENTS):
            chunk = logits(states[rows], head)
            of_entropy = None if entropy is None else (entropy[rows], spread[rows])
            found = gradient(chunk, ids[rows], ctx.temperature, grad[rows], of_entropy)
            found = _uncapped(found, chunk, head)
            narrow = found.to(weight.dtype)
            torch.mm(narrow, weight, out=of_states[rows])
            if of_weight.dtype == weight.dtype:
                of_weight.addmm_(narrow.T, states[rows])
            else:
                of_weight += narrow.T @ states[rows]
            if of_bias is not None:
                of_bias += found.sum(dim=0)
        of_bias = None if bias is None or of_bias is None else of_bias.to(bias.dtype)
        return of_states, of_weight.to(weight.dtype), of_bias, None, None, None, None


def _uncapped(grad: Tensor, logits: Tensor, head: Head) -> Tensor:
    """The gradient before cap and scale."""
    if head.cap is not None:
        grad = grad * (1 - (logits / head.cap) ** 2)
    return grad * head.scale if head.scale != 1 else grad
