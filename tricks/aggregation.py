"""Aggregation of token losses into the loss of an update, as one weight per sample.

Weights are computed over a whole update, before any split into micro-batches, so that the parts sum up exactly.
``scope`` says over which unit the mean is taken before the means are averaged: the whole update, each micro-batch, or
each prompt. Many trainers average the losses of micro-batches as if all had the same size. Responses without a kept
token have weight 0; ``count`` says whether they still count in the denominators.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from tricks.statistics import renumber_groups, segment_sum
from tricks.tensors import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from tricks.batch import Setup, Signal

Scope = Annotated[Literal["update", "micro_batch", "prompt"], "the unit of each mean, before the means are averaged"]
Count = Annotated[Literal["kept", "all"], "whether filtered responses count in the denominator (all: TRL, verl, oat)"]


@dataclass(frozen=True, slots=True)
class TokenMean:
    r"""Token mean: every token has the same weight (arXiv:2503.14476, eq. 12).

    The weight is :math:`w_b = 1 / \sum_j |o_j|`. ``scope=prompt`` is ScaleRL's prompt average (arXiv:2510.13786): the
    token mean of each prompt, then the mean over prompts. ``scope=micro_batch`` is TRL's bnpo and ROLL before v0.2.0;
    with one response per micro-batch it equals the sequence mean.
    """

    scope: Scope = "update"
    count: Annotated[
        Literal["kept", "all", "at_least_one"],
        "tokens in the denominator: kept ones, all sampled ones (AReaL), or kept with at least 1 a response (slime)",
    ] = "kept"

    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        """Return weights (B, 1) that sum to one over the counted tokens."""
        lengths = _lengths(signal.response_mask)
        counted = _lengths(signal.sampled_mask) if self.count == "all" else _counted(signal, lengths)
        if self.count == "at_least_one":
            counted = counted.clamp(min=1)
        index, units = _units(self.scope, signal, micro_batch, counted)
        return _weights(lengths > 0, segment_sum(counted, index) * units, signal)


@dataclass(frozen=True, slots=True)
class SequenceMean:
    r"""Sequence mean: every response has the same weight (arXiv:2402.03300, eq. 3).

    The weight of each token is :math:`w_b = 1 / (B\,|o_b|)`.
    """

    scope: Scope = "update"
    count: Count = "kept"

    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        """Return weights (B, 1) that sum to one over the tokens of the counted responses."""
        lengths = _lengths(signal.response_mask)
        rows = _rows(_counted(signal, lengths), self.count)
        index, units = _units(self.scope, signal, micro_batch, rows)
        return _weights(lengths > 0, segment_sum(rows, index) * units * lengths, signal)


@dataclass(frozen=True, slots=True)
class SequenceSum:
    """Sequence sum: token losses are summed, responses are averaged.

    The weight of each token is :math:`w_b = 1 / B` (arXiv:2402.14740, section 3).
    """

    scope: Scope = "update"
    count: Count = "kept"

    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        """Return weights (B, 1), equal for all responses that are counted together."""
        lengths = _lengths(signal.response_mask)
        rows = _rows(_counted(signal, lengths), self.count)
        index, units = _units(self.scope, signal, micro_batch, rows)
        return _weights(lengths > 0, segment_sum(rows, index) * units, signal)


@dataclass(frozen=True, slots=True)
class ConstantLength:
    r"""Constant length: the summed loss of a response is divided by a constant.

    The weight of each token is :math:`w_b = 1 / (B\,L)` (arXiv:2503.20783, section 3.2). ``per_response=False`` leaves
    out
    B: ROLL's "seq-mean-token-sum-norm", open-instruct's constant denominator.
    """

    length: Annotated[
        int | Literal["limit", "padded"],
        "L in tokens: a number, the length limit of the run, or the padded width (verl)",
    ] = "limit"
    scope: Scope = "update"
    count: Count = "kept"
    per_response: Annotated[bool, "whether to divide by B too"] = True

    def loss_weights(self, signal: Signal, micro_batch: Tensor) -> Tensor:
        """Return weights (B, 1), equal for all responses that are counted together."""
        lengths = _lengths(signal.response_mask)
        rows = _rows(_counted(signal, lengths), self.count)
        index, units = _units(self.scope, signal, micro_batch, rows)
        samples = segment_sum(rows, index) if self.per_response else torch.ones_like(rows)
        return _weights(lengths > 0, samples * units * self._tokens(signal), signal)

    def validate(self, setup: Setup) -> Iterator[str]:
        """Refuse a length below one token."""
        if isinstance(self.length, int) and self.length < 1:
            yield f"length must be at least 1 token, got {self.length}"

    def _tokens(self, signal: Signal) -> int:
        padded: int = signal.response_mask.shape[1]
        if isinstance(self.length, int):
            return self.length
        return padded if self.length == "padded" else signal.max_response_length or padded


def _lengths(mask: Tensor) -> Tensor:
    return mask.sum(dim=1, keepdim=True).double()  # (B, 1)


def _counted(signal: Signal, lengths: Tensor) -> Tensor:
    return lengths if signal.counted is None else _lengths(signal.counted)


def _rows(lengths: Tensor, count: str) -> Tensor:
    """Return 1 for each response that counts and 0 for the others (B, 1)."""
    return torch.ones_like(lengths) if count == "all" else (lengths > 0).double()


def _units(scope: str, signal: Signal, micro_batch: Tensor, counted: Tensor) -> tuple[Tensor, Tensor | int]:
    """Return the unit index of each sample (B,) and the number of units to average over."""
    if scope == "update":
        return torch.zeros_like(signal.group), 1
    index = renumber_groups(micro_batch if scope == "micro_batch" else signal.group)
    used = torch.zeros(int(index.max()) + 1, dtype=counted.dtype).index_add_(0, index, counted[:, 0]) > 0
    return index, len(used) if scope == "micro_batch" else used.sum().clamp(min=1)


def _weights(kept: Tensor, denominator: Tensor, signal: Signal) -> Tensor:
    safe = kept & (denominator > 0)
    return torch.where(safe, 1 / denominator.where(safe, 1.0), 0.0).to(signal.old_log_probs.dtype)
