"""How a step is split: into updates of whole groups, and those into micro-batches that fit in memory."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from harness.engines.protocols import Samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor


def minibatch_rows(samples: Samples, minibatches: int) -> list[slice]:
    """Samples of each minibatch: whole groups in stream order, as even as can be.

    Raises ValueError when there are more minibatches than prompts.
    """
    prompts = len(samples.prompt_ids)
    if prompts < minibatches:
        raise ValueError(f"{prompts} prompts cannot fill {minibatches} minibatches; use fewer updates or more prompts")
    bounds = torch.tensor([prompts * index // minibatches for index in range(minibatches + 1)])
    edges = torch.searchsorted(samples.group, bounds).tolist()  # the samples of a prompt are adjacent
    return [slice(start, stop) for start, stop in pairwise(edges)]


def micro_rows(samples: Samples, tokens: int) -> Iterator[slice]:
    """Consecutive samples of at most ``tokens`` tokens, prompts included, or one sample that is longer."""
    lengths = samples.response_mask.sum(dim=1) + samples.prompt_mask.sum(dim=1)[samples.group]
    start, total = 0, 0
    for row, length in enumerate(lengths.tolist()):
        if row > start and total + length > tokens:
            yield slice(start, row)
            start, total = row, 0
        total += length
    yield slice(start, len(lengths))


def numbered(parts: Sequence[slice]) -> Tensor:
    """The number (B,) of the part that each sample is in."""
    return torch.arange(len(parts)).repeat_interleave(torch.tensor([rows.stop - rows.start for rows in parts]))


def take(samples: Samples, rows: slice) -> Samples:
    """Some consecutive samples with the prompts they answer."""
    group = samples.group[rows]
    first, last = int(group[0]), int(group[-1]) + 1
    return Samples(
        samples.prompt_ids[first:last],
        samples.prompt_mask[first:last],
        group - first,
        samples.response_ids[rows],
        samples.response_mask[rows],
        samples.truncated[rows],
        samples.log_probs[rows],
        samples.texts[rows],
        None if samples.log_kept is None else samples.log_kept[rows],
    )
