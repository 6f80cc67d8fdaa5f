"""Split a step's samples across ranks and gather their per-token results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.engines.base import (
    Samples,
    Sequences,
    SerializedTensors,
    count_tokens,
    lay_out,
    make_blank_row,
    number_slices,
    slice_samples,
    split_micro_batches,
)
from harness.engines.torch import SIMILAR_LENGTH
from tricks import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tricks import UpdateRule


Rows = tuple[int, ...]
Chunk = tuple[Rows, ...]  # by rank: samples of similar length, padded to the longest
Pass = tuple[Chunk, ...]  # chunks whose gradients are accumulated together


def plan_passes(lengths: Tensor, ranks: int, tokens: int) -> tuple[Pass, ...]:
    """Assign samples to ranks, in passes of bounded size, longest samples first.

    A sample that exceeds the bound has a pass for itself. Samples of neighboring length go to different ranks, so that
    all ranks are busy at the same time.

    Args:
        lengths: (B,) int64, tokens of each sample.
        ranks: Number of ranks.
        tokens: Largest number of tokens that a rank reads in a pass, padding included.

    Returns:
        The passes; each holds chunks, and a chunk holds the samples of each rank.

    """
    sizes, order = (part.tolist() for part in lengths.sort(descending=True, stable=True))
    drafts = [_Draft(ranks)]
    loads = [0] * ranks
    for start in range(0, len(order), ranks):
        if not drafts[-1].admits(sizes[start], tokens):
            drafts.append(_Draft(ranks))
        tier = slice(start, start + ranks)
        drafts[-1].add(order[tier], sizes[tier], loads)
    return tuple(draft.sealed() for draft in drafts)


def rows_of(passes: Sequence[Pass], rank: int) -> Iterator[int]:
    """Yield all samples of a rank in the order in which it reads them."""
    return (row for chunks in passes for chunk in chunks for row in chunk[rank])


@dataclass(slots=True)
class _Draft:
    """A pass under construction; it grows by one sample for each rank at a time."""

    ranks: int
    chunks: list[list[list[int]]] = field(default_factory=list)
    longest: list[int] = field(default_factory=list)  # tokens, by chunk

    def admits(self, size: int, tokens: int) -> bool:
        """Return whether a rank has room for another sample of at most ``size`` tokens."""
        spent = sum(len(chunk[0]) * longest for chunk, longest in zip(self.chunks, self.longest, strict=True))
        return not self.chunks or spent + (self.longest[-1] if self._like(size) else size) <= tokens

    def add(self, rows: Sequence[int], sizes: Sequence[int], loads: list[int]) -> None:
        """Assign samples, longest first, to the ranks with the fewest tokens so far."""
        if not self._like(sizes[0]):
            self.chunks.append([[] for _ in range(self.ranks)])
            self.longest.append(sizes[0])
        idle = sorted(range(self.ranks), key=loads.__getitem__)
        for row, size, rank in zip(rows, sizes, idle, strict=False):
            self.chunks[-1][rank].append(row)
            loads[rank] += size

    def sealed(self) -> Pass:
        """Return the pass as tuples."""
        return tuple(tuple(tuple(rows) for rows in chunk) for chunk in self.chunks)

    def _like(self, size: int) -> bool:
        return bool(self.chunks) and size >= SIMILAR_LENGTH * self.longest[-1]


Chunks = Sequence[SerializedTensors[Sequences]]  # a rank's sequences in one pass
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Share:
    """A rank's input for the loss of its b samples of a pass, in addition to the tokens."""

    signal: SerializedTensors[Signal]
    weights: Floats  # (b, 1), computed over the whole update

    def loss(self, rule: UpdateRule, log_probs: Tensor, entropy: Tensor) -> Tensor:
        """Return the loss of these samples.

        Args:
            rule: The update rule.
            log_probs: (M,), log-probabilities of the samples' tokens.
            entropy: (M,), entropies of the same tokens in nats.

        Returns:
            Scalar.

        """
        signal = self.signal.open()
        nothing = torch.zeros(signal.sampled_mask.shape)
        now, entropies = (nothing.masked_scatter(signal.sampled_mask, values) for values in (log_probs, entropy))
        return rule.loss(now, signal, torch.tensor(self.weights), entropies)


@dataclass(frozen=True, slots=True)
class Updated:
    """A rank's results of an update."""

    loss: float  # of this rank's samples
    grad_norm: float  # over all ranks, before clipping; 0 without an update
    log_probs: Floats  # (M,) of its samples' tokens, in reading order
    entropy: Floats  # (M,)


@dataclass(frozen=True, slots=True)
class Minibatch:
    """The samples of one update and the passes in which the ranks read them."""

    rows: slice  # of the step's samples
    samples: Samples
    numbers: Tensor  # (B,) each sample's micro-batch in a learner of one process
    passes: tuple[Pass, ...]
    ranks: int

    @classmethod
    def of(cls, step: Samples, rows: slice, ranks: int, tokens: int) -> Minibatch:
        """Create a minibatch from some of a step's samples.

        Args:
            step: All samples of the step.
            rows: The minibatch's samples.
            ranks: Number of ranks.
            tokens: Largest number of tokens that a rank reads in a pass.

        Returns:
            The minibatch.

        """
        samples = slice_samples(step, rows)
        numbers = number_slices(list(split_micro_batches(samples, tokens)))
        return cls(rows, samples, numbers, plan_passes(count_tokens(samples), ranks, tokens), ranks)

    def tokens(self, rank: int) -> list[Chunks]:
        """Return the sequences that a rank reads, by pass."""
        return [[_laid_out(self.samples, chunk[rank]) for chunk in chunks] for chunks in self.passes]

    def shares(self, signal: Signal, weights: Tensor, rank: int) -> list[Share | None]:
        """Return a rank's shares, by pass; None for a pass without a sample of this rank.

        Args:
            signal: Advantages and masks of the minibatch.
            weights: (B, 1), loss weights of the whole update.
            rank: Number of the rank.

        Returns:
            One share for each pass.

        """
        return [_share(signal, weights, list(rows_of([chunks], rank))) for chunks in self.passes]

    def gathered(self, by_rank: Sequence[Floats]) -> Tensor:
        """Return values (B, T), 0 on padding, from the values (M,) of each rank's tokens."""
        found = torch.zeros(self.samples.response_mask.shape)
        for rank, values in enumerate(by_rank):
            rows = torch.tensor(list(rows_of(self.passes, rank)), dtype=torch.int64)
            mask = self.samples.response_mask[rows]
            found[rows] = torch.zeros(mask.shape).masked_scatter(mask, torch.tensor(values))
        return found


def _laid_out(samples: Samples, rows: Sequence[int]) -> SerializedTensors[Sequences]:
    return SerializedTensors.of(lay_out(samples, torch.tensor(rows)) if rows else make_blank_row())


def _share(signal: Signal, weights: Tensor, rows: list[int]) -> Share | None:
    if not rows:
        return None
    mine = signal[torch.tensor(rows)]
    width = max(int(mine.sampled_mask.sum(dim=1).max()), 1)
    narrow = {part.name: _narrowed(getattr(mine, part.name), width) for part in fields(mine)}
    return Share(SerializedTensors.of(Signal(**narrow)), weights[rows].numpy())


def _narrowed(value: Any, width: int) -> Any:
    """Cut a tensor (b, T) to ``width`` columns; return other values unchanged."""
    return value[:, :width] if isinstance(value, Tensor) and value.dim() == 2 else value
