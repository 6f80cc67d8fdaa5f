"""A sampler for Qwen3-shaped models on a CPU: prompts are read once, finished samples leave the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch

from harness.engines.cache import advance, prefill
from harness.engines.chunks import chunks, samples_at_once
from harness.engines.draw import Choice, chances, choose
from harness.engines.qwen3_weights import fuse, refusal
from harness.engines.responses import DecodeText, Vocabulary, assemble, is_end, left_pad
from harness.schema import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from harness.engines.protocols import Decoding, Samples
    from harness.engines.qwen3_weights import Weights

CACHE_BYTES: Final = 256 << 20  # of keys and values at a time
WORTH_KEEPING: Final = 0.9  # share of unfinished samples below which the finished ones are dropped


class CompactSampler:
    """Samples from the module it is given, whose weights it reads anew at every call.

    What a sample draws depends on the weights, its prompt, the seed and its index, and but for rounding not
    on the samples beside it. Raises SchemaError for a model that ``refusal`` has a reason for.
    """

    def __init__(self, model: Any, eos_ids: Sequence[int], pad_id: int, decode_text: DecodeText) -> None:
        reason = refusal(model)
        if reason:
            raise SchemaError(f"backend.engine=compact cannot run this model: {reason}; use auto or hf")
        self._model, self._vocabulary = model, Vocabulary(tuple(eos_ids), pad_id, decode_text)

    @torch.no_grad()
    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int | Sequence[int]) -> Samples:
        """Answer tokenised prompts, ``decoding.group_size`` times each."""
        prompt_ids, prompt_mask = left_pad(prompts, self._vocabulary.pad_id)
        weights, size = fuse(self._model), decoding.group_size
        chance = chances(len(prompts), decoding, seed)
        at_once = _samples_at_once(weights, prompt_ids.shape[1], decoding)
        answers = [
            _answer(weights, prompt_ids[some], prompt_mask[some], chance[rows], decoding, self._vocabulary.eos_ids)
            for some, rows in chunks(len(prompts), size, at_once)
        ]
        drawn = Choice.join(answers)
        return assemble(prompt_ids, prompt_mask, drawn.ids, drawn.log_probs, self._vocabulary, drawn.log_kept)

    def load(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Do nothing: the learner trains the very module this samples from."""

    def rest(self) -> None:
        """Do nothing: nothing is held beside the module."""


def _samples_at_once(weights: Weights, width: int, decoding: Decoding) -> int:
    slots = len(weights.layers) * weights.heads.keys * (width + decoding.max_response_length)
    sample_bytes = 2 * slots * weights.heads.size * weights.embedding.element_size()
    return samples_at_once(CACHE_BYTES, sample_bytes, len(weights.embedding))


def _answer(
    weights: Weights, prompt_ids: Tensor, prompt_mask: Tensor, uniform: Tensor, decoding: Decoding, eos: tuple[int, ...]
) -> Choice:
    """Draw samples (B, T) with numbers ``uniform`` (B, T); what stands behind EOS is undefined."""
    group = torch.arange(len(prompt_ids)).repeat_interleave(len(uniform) // len(prompt_ids))
    logits, cache = prefill(weights, prompt_ids, prompt_mask, group, uniform.shape[1])
    ids, log_probs = torch.full(uniform.shape, eos[0]), torch.zeros(uniform.shape)
    log_kept = torch.zeros(uniform.shape) if decoding.cuts(logits.shape[-1]) else None
    rows, finished = torch.arange(len(uniform)), torch.zeros(len(uniform), dtype=torch.bool)
    for place in range(uniform.shape[1]):
        choice = choose(logits, uniform[rows, place], decoding)
        drawn = choice.ids
        ids[rows, place], log_probs[rows, place] = drawn, choice.log_probs
        if log_kept is not None and choice.log_kept is not None:
            log_kept[rows, place] = choice.log_kept
        finished = finished | is_end(drawn, eos)
        if finished.all() or place + 1 == uniform.shape[1]:
            break
        if finished.float().mean() > 1 - WORTH_KEEPING:
            order = cache.keep(~finished)
            rows, drawn, finished = rows[order], drawn[order], finished[order]
        logits = advance(weights, cache, drawn)
    return Choice(ids, log_probs, log_kept)
