"""Attention, normalization and SwiGLU with hand-written gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

if TYPE_CHECKING:
    from harness.engines.qwen3.packing import Bucket


def normalize(states: Tensor, eps: Tensor) -> Tensor:
    r"""Apply RMSNorm without its weight over the last axis.

    The result is :math:`x / \sqrt{\mathrm{mean}(x^2) + \epsilon}`.
    """
    if not torch.is_grad_enabled():
        return states * _scale(states, eps)
    normed: Tensor = _Normalize.apply(states, eps)  # type: ignore[no-untyped-call]
    return normed


def swiglu(gate_up: Tensor) -> Tensor:
    r"""Compute :math:`\mathrm{silu}(g) \cdot u` from gates and values (M, 2 F).

    Gates and values are concatenated along the last axis; the result is (M, F).
    """
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


@dataclass(frozen=True, slots=True)
class Heads:
    """Numbers of attention heads. Neighboring query heads share a key head."""

    queries: int
    keys: int
    size: int

    @property
    def shared(self) -> int:
        """Query heads per key head."""
        return self.queries // self.keys


@dataclass(frozen=True, slots=True)
class HeadBucket:
    """Indices of a bucket's rows among the heads of packed tokens, in batched-product order."""

    queries: Tensor  # (b * keys * shared * Q,) rows of the rotated heads (M * (queries + keys), size)
    keys: Tensor  # (b * keys * K,) rows of the rotated heads
    values: Tensor  # (b * keys * K,) rows of the value heads (M * keys, size)
    mixed: Tensor  # (b * keys * shared * Q,) rows of the result (M * queries, size)
    bias: Tensor  # (b, 1, 1, Q, K)


def split_by_head(bucket: Bucket, heads: Heads) -> HeadBucket:
    """Convert a bucket's token rows to head rows."""
    query_head = torch.arange(heads.queries).view(1, heads.keys, heads.shared, 1)
    key_head = torch.arange(heads.keys).view(1, heads.keys, 1)
    queries, keys = bucket.queries[:, None, None, :], bucket.keys[:, None, :]
    both = heads.queries + heads.keys
    return HeadBucket(
        (queries * both + query_head).view(-1),
        (keys * both + heads.queries + key_head).view(-1),
        (keys * heads.keys + key_head).view(-1),
        (queries * heads.queries + query_head).view(-1),
        bucket.bias[:, None, None],
    )


def attend(rotated: Tensor, values: Tensor, buckets: list[HeadBucket], heads: Heads) -> Tensor:
    """Compute attention for packed tokens.

    Args:
        rotated: (M, queries + keys, size), queries and keys after rotation, already scaled.
        values: (M, keys * size).
        buckets: Sequences of similar length, which together cover the tokens.
        heads: Numbers of heads.

    Returns:
        (M, queries * size), 0 in rows outside all buckets.

    """
    mixed: Tensor = _Attend.apply(rotated, values, buckets, heads)  # type: ignore[no-untyped-call]
    return mixed


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rotated: Tensor, values: Tensor, buckets: list[HeadBucket], heads: Heads) -> Tensor:
        # Zeros, because a row that no bucket fills gets a zero gradient, and 0 times uninitialized memory may be NaN.
        mixed = rotated.new_zeros(len(rotated) * heads.queries, heads.size)
        weights = []
        for bucket in buckets:
            queries, keys, value = _gather(rotated, values, bucket, heads)
            scores = torch.bmm(queries, keys.transpose(1, 2))
            _spread(scores, bucket).add_(bucket.bias)
            weights.append(torch.softmax(scores, dim=-1))
            mixed.index_copy_(0, bucket.mixed, torch.bmm(weights[-1], value).view(-1, heads.size))
        ctx.save_for_backward(rotated, values, *weights)
        ctx.buckets, ctx.heads = buckets, heads
        return mixed.view(len(rotated), -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        rotated, values, *weights = ctx.saved_tensors
        heads: Heads = ctx.heads
        grad_rotated, grad_values = torch.zeros_like(rotated), torch.zeros_like(values)
        flat_rotated, flat_values = grad_rotated.view(-1, heads.size), grad_values.view(-1, heads.size)
        for bucket, weight in zip(ctx.buckets, weights, strict=True):
            queries, keys, value = _gather(rotated, values, bucket, heads)
            grads = grad.reshape(-1, heads.size).index_select(0, bucket.mixed).view_as(queries)
            towards = torch.bmm(grads, value.transpose(1, 2))
            scores = torch._softmax_backward_data(towards, weight, -1, weight.dtype)
            flat_rotated.index_copy_(0, bucket.queries, torch.bmm(scores, keys).view(-1, heads.size))
            flat_rotated.index_add_(0, bucket.keys, torch.bmm(scores.transpose(1, 2), queries).view(-1, heads.size))
            flat_values.index_add_(0, bucket.values, torch.bmm(weight.transpose(1, 2), grads).view(-1, heads.size))
        return grad_rotated, grad_values, None, None


def _gather(rotated: Tensor, values: Tensor, bucket: HeadBucket, heads: Heads) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries (b * keys, shared * Q, size), keys and values (b * keys, K, size)."""
    flat, batch = rotated.view(-1, heads.size), len(bucket.bias) * heads.keys
    queries = flat.index_select(0, bucket.queries).view(batch, -1, heads.size)
    keys = flat.index_select(0, bucket.keys).view(batch, -1, heads.size)
    return queries, keys, values.reshape(-1, heads.size).index_select(0, bucket.values).view(batch, -1, heads.size)


def _spread(scores: Tensor, bucket: HeadBucket) -> Tensor:
    rows, _, _, queries, keys = bucket.bias.shape
    return scores.view(rows, -1, scores.shape[1] // queries, queries, keys)
