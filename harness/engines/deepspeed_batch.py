"""A step's samples as the ranks read them, and the way back of what they say of each token."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from harness.engines.deepspeed_plan import Pass, plan, rows_of
from harness.engines.deepspeed_share import Share
from harness.engines.minibatches import micro_rows, numbered, take
from harness.engines.protocols import Samples
from harness.engines.sequences import Sequences, blank, lay_out, lengths_of
from harness.engines.shipping import Shipped
from tricks.batch import Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.engines.deepspeed_share import Chunks, Floats


@dataclass(frozen=True, slots=True)
class Minibatch:
    """The samples of one update and the passes in which R ranks read them."""

    rows: slice  # of the step's samples
    samples: Samples
    numbers: Tensor  # (B,) of the micro-batch that each sample would be in, were there one process
    passes: tuple[Pass, ...]
    ranks: int

    @classmethod
    def of(cls, step: Samples, rows: slice, ranks: int, tokens: int) -> Minibatch:
        """Those of a step's samples, in passes of at most so many ``tokens`` a rank."""
        samples = take(step, rows)
        numbers = numbered(list(micro_rows(samples, tokens)))
        return cls(rows, samples, numbers, plan(lengths_of(samples), ranks, tokens), ranks)

    def tokens(self, rank: int) -> list[Chunks]:
        """What a rank reads, by pass."""
        return [[_laid_out(self.samples, chunk[rank]) for chunk in chunks] for chunks in self.passes]

    def shares(self, signal: Signal, weights: Tensor, rank: int) -> list[Share | None]:
        """What a rank learns from, by pass. ``weights`` (B, 1) are those of the whole update."""
        return [_share(signal, weights, list(rows_of([chunks], rank))) for chunks in self.passes]

    def gathered(self, by_rank: Sequence[Floats]) -> Tensor:
        """Values (B, T), 0 on padding, from those (M,) that each rank gives for the tokens it has read."""
        found = torch.zeros(self.samples.response_mask.shape)
        for rank, values in enumerate(by_rank):
            rows = torch.tensor(list(rows_of(self.passes, rank)), dtype=torch.int64)
            mask = self.samples.response_mask[rows]
            found[rows] = torch.zeros(mask.shape).masked_scatter(mask, torch.tensor(values))
        return found


def _laid_out(samples: Samples, rows: Sequence[int]) -> Shipped[Sequences]:
    return Shipped.of(lay_out(samples, torch.tensor(rows)) if rows else blank())


def _share(signal: Signal, weights: Tensor, rows: list[int]) -> Share | None:
    if not rows:
        return None
    mine = signal[torch.tensor(rows)]
    width = max(int(mine.sampled_mask.sum(dim=1).max()), 1)
    narrow = {part.name: _narrowed(getattr(mine, part.name), width) for part in fields(mine)}
    return Share(Shipped.of(Signal(**narrow)), weights[rows].numpy())


def _narrowed(value: Any, width: int) -> Any:
    """No wider than the longest of these responses."""
    return value[:, :width] if isinstance(value, Tensor) and value.dim() == 2 else value
