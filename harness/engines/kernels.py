"""Two steps of the Qwen3 layer with hand-written gradients: autograd's own take twice the passes over memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


def normalize(states: Tensor, eps: Tensor) -> Tensor:
    r"""RMSNorm without its weight, :math:`x / \sqrt{\mathrm{mean}(x^2) + \epsilon}` over the last axis."""
    if not torch.is_grad_enabled():
        return states * _scale(states, eps)
    normed: Tensor = _Normalize.apply(states, eps)  # type: ignore[no-untyped-call]
    return normed


def swiglu(gate_up: Tensor) -> Tensor:
    r""":math:`\mathrm{silu}(g) \cdot u` of gates and values stacked along the last axis (M, 2 F)."""
    if not torch.is_grad_enabled():
        gate, up = gate_up.chunk(2, dim=-1)
        return functional.silu(gate).mul_(up)
    mixed: Tensor = _SwiGlu.apply(gate_up)  # type: ignore[no-untyped-call]
    return mixed


def _scale(states: Tensor, eps: Tensor) -> Tensor:
    size = torch.linalg.vector_norm(states, dim=-1, keepdim=True)
    return torch.addcmul(eps, size, size, value=1 / states.shape[-1]).rsqrt_()


class _Normalize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, eps: Tensor) -> Tensor:
        scale = _scale(states, eps)
        normed: Tensor = states * scale
        ctx.save_for_backward(normed, scale)
        return normed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        normed, scale = ctx.saved_tensors
        along = (grad * normed).mean(dim=-1, keepdim=True)  # the part of the gradient that only changes the length
        return torch.addcmul(grad, normed, along, value=-1).mul_(scale), None


class _SwiGlu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate_up: Tensor) -> Tensor:
        gate, up = gate_up.chunk(2, dim=-1)
        opened = functional.silu(gate)
        ctx.save_for_backward(gate_up, opened)
        return opened * up

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        gate_up, opened = ctx.saved_tensors
        gate, up = gate_up.chunk(2, dim=-1)
        grads = torch.empty_like(gate_up)
        grad_gate, grad_up = grads.chunk(2, dim=-1)
        torch.mul(grad, opened, out=grad_up)
        torch.ops.aten.silu_backward.grad_input(grad * up, gate, grad_input=grad_gate)
        return grads
