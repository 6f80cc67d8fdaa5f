"""Attention among packed tokens, bucket by bucket, with a hand-written gradient.

Matrix products are fast at these sizes and the fused kernels of a CPU are not; the gradient keeps
the attention weights of a micro-batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from harness.engines.packing import Bucket


@dataclass(frozen=True, slots=True)
class Heads:
    """Query heads share key heads in equal parts, neighbours together."""

    queries: int
    keys: int
    size: int

    @property
    def shared(self) -> int:
        """Query heads per key head."""
        return self.queries // self.keys


@dataclass(frozen=True, slots=True)
class HeadBucket:
    """A bucket's rows among the heads of packed tokens, ordered so that a batched product reads them in place."""

    queries: Tensor  # (b * keys * shared * Q,) rows of the rotated heads (M * (queries + keys), size)
    keys: Tensor  # (b * keys * K,) rows of the same
    values: Tensor  # (b * keys * K,) rows of the value heads (M * keys, size)
    mixed: Tensor  # (b * keys * shared * Q,) rows of the result (M * queries, size)
    bias: Tensor  # (b, 1, 1, Q, K)


def by_head(bucket: Bucket, heads: Heads) -> HeadBucket:
    """Spread the rows of tokens to rows of heads."""
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
    """Mix ``values`` (M, keys * size) by ``rotated`` queries and keys (M, queries + keys, size), already scaled.

    Returns (M, queries * size), 0 in rows outside all buckets.
    """
    mixed: Tensor = _Attend.apply(rotated, values, buckets, heads)  # type: ignore[no-untyped-call]
    return mixed


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rotated: Tensor, values: Tensor, buckets: list[HeadBucket], heads: Heads) -> Tensor:
        # Zeros, since a row that no bucket fills meets zero gradients, and 0 times whatever memory held may be nan.
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
    """Queries (b * keys, shared * Q, size), keys and values (b * keys, K, size)."""
    flat, batch = rotated.view(-1, heads.size), len(bucket.bias) * heads.keys
    queries = flat.index_select(0, bucket.queries).view(batch, -1, heads.size)
    keys = flat.index_select(0, bucket.keys).view(batch, -1, heads.size)
    return queries, keys, values.reshape(-1, heads.size).index_select(0, bucket.values).view(batch, -1, heads.size)


def _spread(scores: Tensor, bucket: HeadBucket) -> Tensor:
    rows, _, _, queries, keys = bucket.bias.shape
    return scores.view(rows, -1, scores.shape[1] // queries, queries, keys)
