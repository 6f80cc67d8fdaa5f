"""Batches of samples joined and picked apart, whole groups at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import pad

from harness.engines.protocols import Samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def join(parts: Sequence[Samples]) -> Samples:
    """The prompts and samples of all parts in that order, padded to common widths. Groups are numbered anew."""
    prompt, response = (
        max(mask.shape[1] for mask in masks)
        for masks in ([part.prompt_mask for part in parts], [part.response_mask for part in parts])
    )
    firsts = torch.tensor([0, *(len(part.prompt_ids) for part in parts)]).cumsum(dim=0).tolist()
    return Samples(
        _left([part.prompt_ids for part in parts], prompt),
        _left([part.prompt_mask for part in parts], prompt),
        torch.cat([part.group + first for part, first in zip(parts, firsts, strict=False)]),
        _right([part.response_ids for part in parts], response),
        _right([part.response_mask for part in parts], response),
        torch.cat([part.truncated for part in parts]),
        _right([part.log_probs for part in parts], response),
        tuple(text for part in parts for text in part.texts),
        _kept(parts, response),
    )


def pick(samples: Samples, prompts: Tensor) -> tuple[Samples, Tensor]:
    """The given prompts (n,) with their samples, in that order and no wider than need be, and the samples' old rows."""
    place = torch.full((len(samples.prompt_ids),), -1).index_copy(0, prompts, torch.arange(len(prompts)))
    group, order = place[samples.group].sort(stable=True)
    rows = order[group >= 0]
    prompt, response = _width(samples.prompt_mask[prompts]), _width(samples.response_mask[rows])
    picked = Samples(
        samples.prompt_ids[prompts, -prompt:],
        samples.prompt_mask[prompts, -prompt:],
        group[group >= 0],
        samples.response_ids[rows, :response],
        samples.response_mask[rows, :response],
        samples.truncated[rows],
        samples.log_probs[rows, :response],
        tuple(samples.texts[row] for row in rows.tolist()),
        None if samples.log_kept is None else samples.log_kept[rows, :response],
    )
    return picked, rows


def _kept(parts: Sequence[Samples], width: int) -> Tensor | None:
    """Return the log of the mass that a cut left in all parts, which is 0 in those where nothing was cut."""
    if all(part.log_kept is None for part in parts):
        return None
    return _right(
        [torch.zeros_like(part.log_probs) if part.log_kept is None else part.log_kept for part in parts], width
    )


def _left(parts: Sequence[Tensor], width: int) -> Tensor:
    # What stands in the padding does not matter: no engine reads it.
    return torch.cat([pad(part, (width - part.shape[1], 0)) for part in parts])


def _right(parts: Sequence[Tensor], width: int) -> Tensor:
    return torch.cat([pad(part, (0, width - part.shape[1])) for part in parts])


def _width(mask: Tensor) -> int:
    return int(mask.sum(dim=1).max())
