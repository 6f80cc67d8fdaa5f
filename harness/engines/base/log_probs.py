"""Log-probabilities and entropies of tokens from logits, in float32 and in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from collections.abc import Sequence

CHUNK_ELEMENTS: Final = 1 << 22  # logits scored at a time, 16 MiB in float32


@dataclass(frozen=True, slots=True)
class Scores:
    """Log-probabilities and entropies of tokens; both have the shape of the token ids."""

    log_probs: Tensor  # float32, differentiable
    entropy: Tensor  # nats of the whole distribution, float32, differentiable on request

    def detach(self) -> Scores:
        """Return the same numbers without gradients."""
        return Scores(self.log_probs.detach(), self.entropy.detach())


def join_scores(parts: Sequence[Scores]) -> Scores:
    """Concatenate the scores of consecutive samples."""
    return Scores(torch.cat([part.log_probs for part in parts]), torch.cat([part.entropy for part in parts]))


def score_logits(logits: Tensor, ids: Tensor, temperature: float, *, entropy_grad: bool = False) -> Scores:
    """Compute log-probabilities and entropies of tokens from logits.

    The distribution is softmax(``logits`` / ``temperature``). Forward and backward pass hold at most one chunk of the
    softmax in addition to the logits and their gradient.

    Args:
        logits: (..., V).
        ids: (...) int64, tokens to score.
        temperature: Divisor of the logits, above 0.
        entropy_grad: Whether gradients flow through the entropies.

    Returns:
        Log-probabilities (...) and entropies (...) in nats.

    """
    flat = logits.reshape(-1, logits.shape[-1])
    values = _Score.apply(flat, ids.reshape(-1), temperature, entropy_grad)  # type: ignore[no-untyped-call]
    log_probs, entropy = (value.view(ids.shape) for value in values)
    return Scores(log_probs, entropy)


def compute_logit_gradient(
    logits: Tensor, ids: Tensor, temperature: float, grad: Tensor, entropy: tuple[Tensor, Tensor] | None
) -> Tensor:
    """Return the gradient (M, V) of the logits.

    Args:
        logits: (M, V).
        ids: (M,) int64, tokens that were scored.
        temperature: Divisor of the logits, above 0.
        grad: (M,), gradient of the log-probabilities.
        entropy: Entropies (M,) in nats and their gradients (M,); None where no gradient flows through them.

    Returns:
        (M, V), float32 or wider.

    """
    scaled = to_float32(logits) / temperature
    share = grad[:, None] / temperature  # (M, 1)
    found = torch.softmax(scaled, dim=-1).mul_(-share)
    found.scatter_add_(1, ids[:, None], share)
    if entropy is not None:
        found += _of_entropy(scaled, entropy[0], entropy[1] / temperature)
    return found


def to_float32(logits: Tensor) -> Tensor:
    """Convert to float32, or keep a wider type."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def split_rows(count: int, vocabulary: int, elements: int) -> list[slice]:
    """Split rows into slices that hold a bounded number of logits.

    Args:
        count: Number of rows.
        vocabulary: Logits of a row.
        elements: Largest number of logits in a slice; a slice has at least one row.

    Returns:
        Consecutive slices that cover all rows; the last one may end beyond ``count``.

    """
    size = max(1, elements // vocabulary)
    return [slice(start, start + size) for start in range(0, count, size)]


class _Score(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, ids: Tensor, temperature: float, entropy_grad: bool) -> tuple[Tensor, Tensor]:
        log_probs, entropy = to_float32(logits.new_empty(2, len(ids)))
        for rows in split_rows(len(logits), logits.shape[1], CHUNK_ELEMENTS):
            log_probs[rows], entropy[rows] = _values(logits[rows], ids[rows], temperature)
        ctx.save_for_backward(logits, ids, entropy if entropy_grad else None)
        ctx.temperature = temperature
        if not entropy_grad:
            ctx.mark_non_differentiable(entropy)
        return log_probs, entropy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, spread: Tensor) -> tuple[Tensor, None, None, None]:
        logits, ids, entropy = ctx.saved_tensors
        grads = torch.empty_like(logits)
        for rows in split_rows(len(logits), logits.shape[1], CHUNK_ELEMENTS):
            of_entropy = None if entropy is None else (entropy[rows], spread[rows])
            grads[rows] = compute_logit_gradient(logits[rows], ids[rows], ctx.temperature, grad[rows], of_entropy)
        return grads, None, None, None


def _values(logits: Tensor, ids: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Return log-probabilities and entropies (M,) of ``ids`` (M,), without gradients.

    ``logits`` are (M, V).
    """
    scaled = to_float32(logits) / temperature
    log_total = scaled.logsumexp(dim=-1)
    log_probs = scaled.gather(1, ids[:, None])[:, 0] - log_total
    # A logit of minus infinity would turn 0 * inf into nan; its token adds nothing.
    mean = (torch.softmax(scaled, dim=-1) * scaled.clamp(min=torch.finfo(torch.float32).min)).sum(dim=-1)
    return log_probs, log_total - mean


def _of_entropy(scaled: Tensor, entropy: Tensor, grad: Tensor) -> Tensor:
    """Return the entropy's part of the gradient (M, V): dH / dlogit_j = -p_j (log p_j + H)."""
    log_table = torch.log_softmax(scaled, dim=-1)
    surprise = log_table.clamp(min=torch.finfo(torch.float32).min).add_(entropy[:, None])  # 0 * inf would be nan
    return log_table.exp_().mul_(surprise).mul_(-grad[:, None])
