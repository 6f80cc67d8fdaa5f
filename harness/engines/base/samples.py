"""Batches of samples: layout, padding, regrouping and splitting into minibatches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import pad

from harness.engines.base.protocols import Samples

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Sequences:
    """b samples of similar length: prompt and response without a gap, padded on the right."""

    ids: Tensor  # (b, L) int64
    predicting: Tensor  # (b, L) bool, True on tokens whose next one is a token of a response: M of them

    def targets(self) -> Tensor:
        """Return the response tokens (M,), sample by sample."""
        return self.ids.roll(-1, dims=1)[self.predicting]

    def to(self, device: torch.device) -> Sequences:
        """Return a copy on a device."""
        return Sequences(self.ids.to(device), self.predicting.to(device))


def lay_out(samples: Samples, rows: Tensor) -> Sequences:
    """Return the samples of ``rows`` as sequences without a gap between prompt and response."""
    prompt_mask, mask = samples.prompt_mask[samples.group[rows]], samples.response_mask[rows]
    prompts, responses = prompt_mask.sum(dim=1)[:, None], mask.sum(dim=1)[:, None]
    place = torch.arange(int((prompts + responses).max()))
    ids = torch.zeros(len(rows), len(place), dtype=torch.int64)
    ids[place < prompts] = samples.prompt_ids[samples.group[rows]][prompt_mask]
    ids[(place >= prompts) & (place < prompts + responses)] = samples.response_ids[rows][mask]
    return Sequences(ids, (place >= prompts - 1) & (place < prompts + responses - 1))


def count_tokens(samples: Samples) -> Tensor:
    """Return the tokens (B,) of each sample, its prompt included."""
    return samples.prompt_mask.sum(dim=1)[samples.group] + samples.response_mask.sum(dim=1)


def make_blank_row() -> Sequences:
    """Return a row that predicts nothing.

    A process without samples reads it, because all processes must run the same number of passes.
    """
    return Sequences(torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1, dtype=torch.bool))


DecodeText = Callable[[list[list[int]]], Sequence[str]]  # token ids of responses to texts without special tokens


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """EOS and padding tokens and the decoder, which a sampler needs of the tokenizer."""

    eos_ids: tuple[int, ...]  # a response ends at any of them
    pad_id: int
    decode_text: DecodeText


def left_pad(prompts: Sequence[Sequence[int]], pad_id: int) -> tuple[Tensor, Tensor]:
    """Return prompts as ids (N, P) and mask (N, P). Raise ValueError for an empty prompt."""
    lengths = torch.tensor([len(prompt) for prompt in prompts])
    if not prompts or not lengths.all():
        raise ValueError("a sampler needs prompts of at least one token each")
    mask = torch.arange(int(lengths.max())) >= lengths.max() - lengths[:, None]
    ids = torch.full(mask.shape, pad_id)
    ids[mask] = torch.tensor([token for prompt in prompts for token in prompt])
    return ids, mask


def unpad_prompts(samples: Samples) -> list[list[int]]:
    """Return the N prompts without padding."""
    return [ids[mask].tolist() for ids, mask in zip(samples.prompt_ids, samples.prompt_mask, strict=True)]


def is_end(ids: Tensor, eos_ids: tuple[int, ...]) -> Tensor:
    """Return True where a token, in a tensor of any shape, is one of ``eos_ids``."""
    found = ids == eos_ids[0]
    for token in eos_ids[1:]:
        found = found | (ids == token)
    return found


def mask_after_end(ids: Tensor, eos_ids: tuple[int, ...]) -> Tensor:
    """Return a mask (B, T) that is True up to and including the first EOS of each response."""
    ends = is_end(ids, eos_ids)
    return ends.cumsum(dim=1) - ends.long() == 0


def assemble_samples(
    prompt_ids: Tensor,
    prompt_mask: Tensor,
    ids: Tensor,
    log_probs: Tensor,
    words: Vocabulary,
    log_kept: Tensor | None = None,
) -> Samples:
    """Build samples from sampled tokens; the result is no wider than its longest response.

    Args:
        prompt_ids: (N, P) int64, left-padded.
        prompt_mask: (N, P) bool.
        ids: (B, T) int64, sampled tokens; entries after an EOS are ignored, here and below.
        log_probs: (B, T) float32, under the distribution that was sampled.
        words: EOS tokens, padding token and decoder of the responses.
        log_kept: (B, T) float32, log of the probability mass that top-p and top-k left; None where nothing was cut.

    Returns:
        The samples; the B responses form N groups of equal size.

    """
    mask = mask_after_end(ids, words.eos_ids)
    longest = int(mask.sum(dim=1).max())
    mask = mask[:, :longest]
    ids = ids[:, :longest].masked_fill(~mask, words.pad_id)
    ended = (is_end(ids, words.eos_ids) & mask).any(dim=1)
    return Samples(
        prompt_ids,
        prompt_mask,
        torch.arange(len(prompt_ids)).repeat_interleave(len(ids) // len(prompt_ids)),
        ids,
        mask,
        ~ended,
        log_probs[:, :longest].masked_fill(~mask, 0),
        tuple(words.decode_text(_spoken(ids, mask.sum(dim=1) - ended.long()))),
        None if log_kept is None else log_kept[:, :longest].masked_fill(~mask, 0),
    )


def _spoken(ids: Tensor, lengths: Tensor) -> list[list[int]]:
    return [row[:length] for row, length in zip(ids.tolist(), lengths.tolist(), strict=True)]


def join_samples(parts: Sequence[Samples]) -> Samples:
    """Concatenate samples, padded to common widths, and renumber the groups."""
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


def select_prompts(samples: Samples, prompts: Tensor) -> tuple[Samples, Tensor]:
    """Return the given prompts (n,) with their samples, and the samples' old rows.

    The samples follow the order of ``prompts`` and are no wider than needed.
    """
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
    """Return the log of the mass that top-p and top-k left, 0 where nothing was cut.

    The result is None where nothing was cut in any part.
    """
    if all(part.log_kept is None for part in parts):
        return None
    return _right(
        [torch.zeros_like(part.log_probs) if part.log_kept is None else part.log_kept for part in parts], width
    )


def _left(parts: Sequence[Tensor], width: int) -> Tensor:
    # The values in the padding do not matter: no engine reads them.
    return torch.cat([pad(part, (width - part.shape[1], 0)) for part in parts])


def _right(parts: Sequence[Tensor], width: int) -> Tensor:
    return torch.cat([pad(part, (0, width - part.shape[1])) for part in parts])


def _width(mask: Tensor) -> int:
    return int(mask.sum(dim=1).max())


def split_minibatches(samples: Samples, minibatches: int) -> list[slice]:
    """Return the samples of each minibatch: whole groups in order, as even as possible.

    Raises ValueError when there are more minibatches than prompts.
    """
    prompts = len(samples.prompt_ids)
    if prompts < minibatches:
        raise ValueError(f"{prompts} prompts cannot fill {minibatches} minibatches; use fewer updates or more prompts")
    bounds = torch.tensor([prompts * index // minibatches for index in range(minibatches + 1)])
    edges = torch.searchsorted(samples.group, bounds).tolist()  # the samples of a prompt are adjacent
    return [slice(start, stop) for start, stop in pairwise(edges)]


def split_micro_batches(samples: Samples, tokens: int) -> Iterator[slice]:
    """Yield slices of consecutive samples with at most ``tokens`` tokens, prompts included.

    A longer sample is a slice by itself.
    """
    lengths = samples.response_mask.sum(dim=1) + samples.prompt_mask.sum(dim=1)[samples.group]
    start, total = 0, 0
    for row, length in enumerate(lengths.tolist()):
        if row > start and total + length > tokens:
            yield slice(start, row)
            start, total = row, 0
        total += length
    yield slice(start, len(lengths))


def number_slices(parts: Sequence[slice]) -> Tensor:
    """Return the number (B,) of the slice that contains each sample."""
    return torch.arange(len(parts)).repeat_interleave(torch.tensor([rows.stop - rows.start for rows in parts]))


def slice_samples(samples: Samples, rows: slice) -> Samples:
    """Return consecutive samples together with their prompts."""
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
