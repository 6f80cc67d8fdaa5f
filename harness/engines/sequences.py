"""Samples as rows of tokens that a model reads at once: prompts with their responses right behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from harness.engines.protocols import Samples


@dataclass(frozen=True, slots=True)
class Sequences:
    """b samples of like length, padded on the right, where a causal model does not see it."""

    ids: Tensor  # (b, L) int64
    predicting: Tensor  # (b, L) bool, True on tokens whose next one is a token of a response: M of them

    def targets(self) -> Tensor:
        """The response tokens (M,), sample by sample."""
        return self.ids.roll(-1, dims=1)[self.predicting]

    def to(self, device: torch.device) -> Sequences:
        """The same where the model is."""
        return Sequences(self.ids.to(device), self.predicting.to(device))


def lay_out(samples: Samples, rows: Tensor) -> Sequences:
    """The given samples, without a gap between prompts and responses."""
    prompt_mask, mask = samples.prompt_mask[samples.group[rows]], samples.response_mask[rows]
    prompts, responses = prompt_mask.sum(dim=1)[:, None], mask.sum(dim=1)[:, None]
    place = torch.arange(int((prompts + responses).max()))
    ids = torch.zeros(len(rows), len(place), dtype=torch.int64)
    ids[place < prompts] = samples.prompt_ids[samples.group[rows]][prompt_mask]
    ids[(place >= prompts) & (place < prompts + responses)] = samples.response_ids[rows][mask]
    return Sequences(ids, (place >= prompts - 1) & (place < prompts + responses - 1))


def lengths_of(samples: Samples) -> Tensor:
    """Tokens (B,) of each sample, its prompt included."""
    return samples.prompt_mask.sum(dim=1)[samples.group] + samples.response_mask.sum(dim=1)


def blank() -> Sequences:
    """A row that predicts nothing, for a process that must read as often as the others and has no sample left."""
    return Sequences(torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1, dtype=torch.bool))
