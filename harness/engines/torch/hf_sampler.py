"""Sampler for any causal model of transformers, through the model's ``generate``."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.nn.functional import pad
from transformers import GenerationConfig, LogitsProcessor

from harness.engines.base import (
    DecodeText,
    SampledTokens,
    Vocabulary,
    assemble_samples,
    count_samples_at_once,
    draw_all_uniforms,
    left_pad,
    sample_tokens,
    split_prompts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torch import Tensor

    from harness.engines.base import Decoding, Samples

CACHE_BYTES: Final = {"cpu": 1 << 30, "cuda": 24 << 30}  # of keys and values at a time


class HfSampler:
    """Sampler that uses a given module, on the module's device.

    The global random state is left unchanged. Except for rounding, a sample depends only on the weights, its prompt,
    the seed and its index, not on the other samples of the batch.
    """

    def __init__(self, model: Any, eos_ids: Sequence[int], pad_id: int, decode_text: DecodeText) -> None:
        self._model, self._vocabulary = model, Vocabulary(tuple(eos_ids), pad_id, decode_text)

    @torch.no_grad()
    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int | Sequence[int]) -> Samples:
        """Sample responses to each prompt, as ``Sampler.sample`` describes."""
        prompt_ids, prompt_mask = left_pad(prompts, self._vocabulary.pad_id)
        chance = draw_all_uniforms(len(prompts), decoding, seed)
        at_once = _samples_at_once(self._model, prompt_ids.shape[1], decoding)
        with _own_habits_aside(self._model):
            answers = [
                self._answer(prompt_ids[some], prompt_mask[some], chance[rows], decoding)
                for some, rows in split_prompts(len(prompts), decoding.group_size, at_once)
            ]
        drawn = SampledTokens.join(answers)
        return assemble_samples(prompt_ids, prompt_mask, drawn.ids, drawn.log_probs, self._vocabulary, drawn.log_kept)

    def update_weights(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Do nothing: the learner trains the same module."""

    def sleep(self) -> None:
        """Do nothing: the sampler holds no memory except the module."""

    def _answer(self, prompt_ids: Tensor, prompt_mask: Tensor, chance: Tensor, decoding: Decoding) -> SampledTokens:
        """Sample tokens (B, T) with uniform numbers ``chance`` (B, T).

        Entries after an EOS are undefined.
        """
        device, each = self._model.device, len(chance) // len(prompt_ids)
        width = int(prompt_mask.sum(dim=1).max())
        process = _Process(chance.to(device), decoding, width)
        whole = self._model.generate(
            input_ids=prompt_ids[:, -width:].repeat_interleave(each, dim=0).to(device),
            attention_mask=prompt_mask[:, -width:].repeat_interleave(each, dim=0).long().to(device),
            generation_config=self._generation(decoding),
            logits_processor=[process],
        )
        ids = whole[:, width:].cpu()
        missing = decoding.max_response_length - ids.shape[1]  # all samples ended early
        ids = pad(ids, (0, missing), value=self._vocabulary.eos_ids[0])
        return SampledTokens(ids, process.log_probs.cpu(), None if process.log_kept is None else process.log_kept.cpu())

    def _generation(self, decoding: Decoding) -> GenerationConfig:
        return GenerationConfig(
            max_new_tokens=decoding.max_response_length,
            do_sample=False,  # the logits processor leaves one token
            eos_token_id=list(self._vocabulary.eos_ids),
            pad_token_id=self._vocabulary.pad_id,
            use_cache=True,  # decoding without one is 17 times slower
        )


class _Process(LogitsProcessor):  # type: ignore[misc]
    """Logits processor that samples by inversion and leaves only the sampled token."""

    def __init__(self, chance: Tensor, decoding: Decoding, prompt_width: int) -> None:
        self.log_probs = torch.zeros_like(chance)
        self.log_kept: Tensor | None = None  # where a token was cut
        self._chance, self._decoding, self._prompt_width = chance, decoding, prompt_width

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        place = input_ids.shape[1] - self._prompt_width
        drawn = sample_tokens(scores, self._chance[:, place], self._decoding)
        self.log_probs[:, place] = drawn.log_probs
        if drawn.log_kept is not None:
            self.log_kept = torch.zeros_like(self.log_probs) if self.log_kept is None else self.log_kept
            self.log_kept[:, place] = drawn.log_kept
        return torch.full_like(scores, -torch.inf).scatter_(1, drawn.ids[:, None], 0)


def _samples_at_once(model: Any, width: int, decoding: Decoding) -> int:
    text = model.config.get_text_config(decoder=True)
    slots = text.num_hidden_layers * (width + decoding.max_response_length)
    sample_bytes = 2 * slots * _key_width(text) * model.dtype.itemsize
    return count_samples_at_once(CACHE_BYTES[model.device.type], sample_bytes, text.vocab_size)


def _key_width(text: Any) -> int:
    """Return the numbers in one token's keys in one layer.

    It is the hidden size for a model without attention heads.
    """
    queries = getattr(text, "num_attention_heads", None)
    if queries is None:
        return int(text.hidden_size)
    size = getattr(text, "head_dim", None) or text.hidden_size // queries
    return int(size) * int(getattr(text, "num_key_value_heads", None) or queries)


@contextmanager
def _own_habits_aside(model: Any) -> Iterator[None]:
    """Replace the model's generation settings within the context.

    ``generate`` fills gaps from these settings; a min-p among them would sample from another policy.
    """
    habits, model.generation_config = model.generation_config, GenerationConfig()
    try:
        yield
    finally:
        model.generation_config = habits
