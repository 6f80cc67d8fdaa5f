"""Forward passes in little memory: recomputed layers, scores from hidden states.

In both passes, only one chunk of the logits exists at a time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from harness.engines.base import Scores, compute_logit_gradient, split_rows, to_float32

# There is no dropout here, so the random state need not be restored.
checkpoint_layer: Final = partial(checkpoint, use_reentrant=False, preserve_rng_state=False)


@contextmanager
def checkpoint_layers(model: Any, wanted: bool) -> Iterator[None]:
    """Checkpoint the layers of a transformers model within the context.

    Nothing is changed where ``wanted`` is False or gradients are off. The switch of transformers works only in training
    mode, which would turn dropout on, and it would stay on while sampling.
    """
    layers = find_checkpointable_layers(model) if wanted and torch.is_grad_enabled() else []
    for layer in layers:
        layer.forward = partial(checkpoint_layer, layer.forward)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def find_checkpointable_layers(model: Any) -> list[Any]:
    """Return the layers that transformers itself would checkpoint."""
    from transformers.modeling_layers import GradientCheckpointingLayer  # noqa: PLC0415 - there with such a model

    return [layer for layer in model.modules() if isinstance(layer, GradientCheckpointingLayer)]


HEAD_ELEMENTS: Final = 1 << 25  # logits at a time, 128 MiB in float32
CACHED_ELEMENTS: Final = 1 << 20  # logits that fit in a CPU's cache together with a few tensors of their size


@dataclass(frozen=True, slots=True)
class Head:
    r"""Output head of a model.

    Logits are :math:`z = s (W h + b)`, or :math:`c \tanh(z / c)` where the model caps them.
    """

    weight: Tensor  # W (V, hidden)
    bias: Tensor | None = None  # b (V,)
    scale: float = 1.0  # s
    cap: float | None = None  # c


def logits(states: Tensor, head: Head) -> Tensor:
    """Return logits (..., V) of hidden states (..., hidden), in float32 or wider."""
    return _squashed(torch.nn.functional.linear(states, head.weight, head.bias), head)


def score_states(states: Tensor, head: Head, ids: Tensor, temperature: float, *, entropy_grad: bool = False) -> Scores:
    """Compute log-probabilities and entropies of tokens from hidden states.

    Args:
        states: (M, hidden); the logits of all of them must be finite.
        head: The output head.
        ids: (M,) int64, tokens to score.
        temperature: Divisor of the logits, above 0.
        entropy_grad: Whether gradients flow through the entropies.

    Returns:
        Log-probabilities (M,) and entropies (M,) in nats.

    """
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
        log_probs, entropy = to_float32(states.new_empty(2, len(ids)))
        for rows, chunk in _products(states, weight, bias):
            for some in _cached(chunk):
                found = _values(_squashed(chunk[some], head) / temperature, ids[rows][some])
                log_probs[rows][some], entropy[rows][some] = found
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
        of_states, sums = torch.empty_like(states), _Sums(weight, bias)
        for rows, chunk in _products(states, weight, bias):
            for some in _cached(chunk):
                squashed = _squashed(chunk[some], head)
                of_entropy = None if entropy is None else (entropy[rows][some], spread[rows][some])
                found = compute_logit_gradient(squashed, ids[rows][some], ctx.temperature, grad[rows][some], of_entropy)
                chunk[some] = _unsquashed(found, squashed, head)
            torch.mm(chunk, weight, out=of_states[rows])
            sums.add(chunk, states[rows])
        return of_states, *sums.gradients(), None, None, None, None


@dataclass(slots=True)
class _Sums:
    """Gradients of weight and bias, accumulated in float32 or wider."""

    weight: Tensor
    bias: Tensor | None
    of_weight: Tensor = field(init=False)
    of_bias: Tensor | None = field(init=False)

    def __post_init__(self) -> None:
        self.of_weight = to_float32(torch.zeros_like(self.weight))
        self.of_bias = None if self.bias is None else to_float32(torch.zeros_like(self.bias))

    def add(self, grad: Tensor, states: Tensor) -> None:
        """Add the gradient (m, V) of the products of ``states`` (m, hidden)."""
        if self.of_weight.dtype == grad.dtype:
            self.of_weight.addmm_(grad.T, states)
        else:
            self.of_weight += grad.T @ states
        if self.of_bias is not None:
            self.of_bias += grad.sum(dim=0)

    def gradients(self) -> tuple[Tensor, Tensor | None]:
        """Return both gradients in the precision of the parameters."""
        of_bias = None if self.of_bias is None else self.of_bias.to(self.weight.dtype)
        return self.of_weight.to(self.weight.dtype), of_bias


def _cached(chunk: Tensor) -> list[slice]:
    """Return slices of rows whose logits fit in a CPU's cache; on a GPU, one slice."""
    most = CACHED_ELEMENTS if chunk.device.type == "cpu" else chunk.numel()
    return split_rows(len(chunk), chunk.shape[1], most)


def _products(states: Tensor, weight: Tensor, bias: Tensor | None) -> Iterator[tuple[slice, Tensor]]:
    """Yield slices of rows and their W h + b (m, V).

    All slices share one buffer, because new memory pages cost as much as the product.
    """
    parts = split_rows(len(states), len(weight), HEAD_ELEMENTS)
    memory = weight.new_empty(min(len(states), parts[0].stop) if parts else 0, len(weight))
    for rows in parts:
        some = states[rows]
        product = torch.mm(some, weight.T, out=memory[: len(some)])
        yield rows, product if bias is None else product.add_(bias)


def _squashed(product: Tensor, head: Head) -> Tensor:
    """Return logits from products."""
    plain = to_float32(product)
    if head.scale != 1:
        plain = plain * head.scale
    return plain if head.cap is None else head.cap * torch.tanh(plain / head.cap)


def _unsquashed(grad: Tensor, squashed: Tensor, head: Head) -> Tensor:
    """Return the gradient of products from the gradient of logits."""
    if head.cap is not None:
        grad = grad * (1 - (squashed / head.cap) ** 2)
    return grad * head.scale if head.scale != 1 else grad


def _values(scaled: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Return log-probabilities and entropies (m,) of ``ids`` (m,) from finite logits (m, V).

    Each exponential is computed once.
    """
    best = scaled.amax(dim=-1, keepdim=True)
    share = (scaled - best).exp_()
    total = share.sum(dim=-1)
    log_total = best[:, 0] + total.log()
    mean = torch.linalg.vecdot(share, scaled) / total
    return scaled.gather(1, ids[:, None])[:, 0] - log_total, log_total - mean
