"""Counts of clipped tokens, by token id, over a run (Figs. 10 and 19 of arXiv:2508.08221)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

# diagnostics of a rule, and rows 1 and 2 of the counts
CLIP_METRICS: Final = ("clip_fraction_high", "clip_fraction_low")
MAX_LISTED_TOKENS: Final = 256  # tokens of each bound in the file


class ClippedTokens:
    """Counts by token id: updates that learned from it, and updates in which it was clipped.

    The clip range has an upper and a lower bound, which are counted separately.
    """

    def __init__(self, counts: Tensor | None = None) -> None:
        self._counts = torch.zeros(1 + len(CLIP_METRICS), 0, dtype=torch.int64) if counts is None else counts

    @property
    def counts(self) -> Tensor:
        """Counts (3, V), int64: occurrences, clipped above, clipped below.

        V is the largest token id seen so far plus one.
        """
        return self._counts

    def add(self, ids: Tensor, kept: Tensor, masks: Mapping[str, Tensor]) -> None:
        """Count the tokens of a micro-batch.

        Args:
            ids: (B, T) int64, sampled tokens.
            kept: (B, T) bool, tokens that the update learns from.
            masks: Clipped tokens (B, T) bool by the names of ``CLIP_METRICS``; a missing name counts as no token.

        """
        nothing = torch.zeros_like(kept)
        found = [ids[mask].cpu() for mask in (kept, *(masks.get(name, nothing) for name in CLIP_METRICS))]
        size = max(self._counts.shape[1], *(int(row.max()) + 1 for row in found if len(row)), 0)
        grown = torch.nn.functional.pad(self._counts, (0, size - self._counts.shape[1]))
        self._counts = grown + torch.stack([torch.bincount(row, minlength=size) for row in found])

    def document(self, text_of: Callable[[int], str]) -> dict[str, Any]:
        """Return the totals and the tokens clipped most often, most frequent first.

        ``text_of`` converts a token id to text.
        """
        totals = dict(zip(("occurrences", "high", "low"), self._counts.sum(dim=1).tolist(), strict=True))
        rows = {token: self._counts[:, token].tolist() for token in self._most_clipped()}
        ranked = sorted(rows.items(), key=lambda row: (-row[1][1] - row[1][2], row[0]))
        tokens = [
            {"token": token, "text": text_of(token), "occurrences": occurrences, "high": high, "low": low}
            for token, (occurrences, high, low) in ranked
        ]
        return {**totals, "tokens": tokens}

    def to_json(self, text_of: Callable[[int], str]) -> str:
        """Return ``document`` as the text of a run's file; ``text_of`` converts a token id to text."""
        return json.dumps(self.document(text_of), ensure_ascii=False, indent=1)

    def _most_clipped(self) -> set[int]:
        most = self._counts[1:].topk(min(MAX_LISTED_TOKENS, self._counts.shape[1]), dim=1)
        return {
            token for row, counts in zip(most.indices, most.values, strict=True) for token in row[counts > 0].tolist()
        }
