"""Prompts and responses as padded tensors; what every sampler does before and after it samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.engines.protocols import Samples

DecodeText = Callable[[list[list[int]]], Sequence[str]]  # token ids of responses to texts without special tokens


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a sampler has to know of the tokenizer."""

    eos_ids: tuple[int, ...]  # a response ends at any of them
    pad_id: int
    decode_text: DecodeText


def left_pad(prompts: Sequence[Sequence[int]], pad_id: int) -> tuple[Tensor, Tensor]:
    """Prompts as ids (N, P) and mask (N, P). Raises ValueError on an empty prompt."""
    lengths = torch.tensor([len(prompt) for prompt in prompts])
    if not prompts or not lengths.all():
        raise ValueError("a sampler needs prompts of at least one token each")
    mask = torch.arange(int(lengths.max())) >= lengths.max() - lengths[:, None]
    ids = torch.full(mask.shape, pad_id)
    ids[mask] = torch.tensor([token for prompt in prompts for token in prompt])
    return ids, mask


def prompts_of(samples: Samples) -> list[list[int]]:
    """The N prompts without padding."""
    return [ids[mask].tolist() for ids, mask in zip(samples.prompt_ids, samples.prompt_mask, strict=True)]


def is_end(ids: Tensor, eos_ids: tuple[int, ...]) -> Tensor:
    """True where a token of any shape is one of ``eos_ids``."""
    found = ids == eos_ids[0]
    for token in eos_ids[1:]:
        found = found | (ids == token)
    return found


def token_mask(ids: Tensor, eos_ids: tuple[int, ...]) -> Tensor:
    """True (B, T) on the tokens of each response up to its first EOS, the EOS included."""
    ends = is_end(ids, eos_ids)
    return ends.cumsum(dim=1) - ends.long() == 0


def assemble(
    prompt_ids: Tensor,
    prompt_mask: Tensor,
    ids: Tensor,
    log_probs: Tensor,
    words: Vocabulary,
    log_kept: Tensor | None = None,
) -> Samples:
    """Lay out what a sampler has drawn; the result is no wider than its longest response.

    Args:
        prompt_ids: (N, P) int64, left-padded.
        prompt_mask: (N, P) bool.
        ids: (B, T) int64, the tokens drawn; anything may stand behind an EOS, here and in what follows.
        log_probs: (B, T) float32, of the distribution drawn from.
        words: What ends a response, and how it reads.
        log_kept: (B, T) float32, log of the mass that top-p and top-k left; None where nothing was cut.

    Returns:
        The samples, whose B responses are N equal groups.

    """
    mask = token_mask(ids, words.eos_ids)
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
