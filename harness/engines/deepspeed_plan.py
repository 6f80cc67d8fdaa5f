"""Which rank reads which samples, and when: as much work for each, and the same number of forward passes.

Under ZeRO-3 every forward and backward pass of a rank fetches weights from all others, and under ZeRO-2 every backward
pass hands gradients to them. A rank without samples of its own left reads a blank row, so that nobody waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from harness.engines.hf_scores import LIKE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

Rows = tuple[int, ...]
Chunk = tuple[Rows, ...]  # by rank: samples of like length, which a rank pads to the longest
Pass = tuple[Chunk, ...]  # what all ranks read between two rounds of gradients

NO_ROWS: Final[Rows] = ()


def plan(lengths: Tensor, ranks: int, tokens: int) -> tuple[Pass, ...]:
    """Samples of ``lengths`` (B,) in passes of at most ``tokens`` tokens a rank, padding included, longest first.

    A sample that is longer has a pass of its own. Neighbours in the order of lengths go to different ranks, so that
    all of them are busy at any time.
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
    """All samples of a rank, in the order in which it reads them."""
    return (row for chunks in passes for chunk in chunks for row in chunk[rank])


@dataclass(slots=True)
class _Draft:
    """A pass that is being filled, a tier of one sample for each rank at a time."""

    ranks: int
    chunks: list[list[list[int]]] = field(default_factory=list)
    longest: list[int] = field(default_factory=list)  # tokens, by chunk

    def admits(self, size: int, tokens: int) -> bool:
        """Whether a rank has room for another sample of at most that many tokens."""
        spent = sum(len(chunk[0]) * longest for chunk, longest in zip(self.chunks, self.longest, strict=True))
        return not self.chunks or spent + (self.longest[-1] if self._like(size) else size) <= tokens

    def add(self, rows: Sequence[int], sizes: Sequence[int], loads: list[int]) -> None:
        """Give a tier's samples, the longest first, to the ranks that have read least so far."""
        if not self._like(sizes[0]):
            self.chunks.append([[] for _ in range(self.ranks)])
            self.longest.append(sizes[0])
        idle = sorted(range(self.ranks), key=loads.__getitem__)
        for row, size, rank in zip(rows, sizes, idle, strict=False):
            self.chunks[-1][rank].append(row)
            loads[rank] += size

    def sealed(self) -> Pass:
        return tuple(tuple(tuple(rows) for rows in chunk) for chunk in self.chunks)

    def _like(self, size: int) -> bool:
        return bool(self.chunks) and size >= LIKE * self.longest[-1]
