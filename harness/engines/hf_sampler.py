"""A sampler for any causal model of transformers, by its own ``generate``."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from transformers import GenerationConfig

from harness.engines.hf_scores import hf_scores
from harness.engines.responses import DecodeText, Vocabulary, assemble, left_pad

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torch import Tensor

    from harness.engines.protocols import Decoding, Samples


class HfSampler:
    """Samples from the module it is given. The global random state is left as it was."""

    def __init__(self, model: Any, eos_id: int, pad_id: int, decode_text: DecodeText) -> None:
        self._model, self._vocabulary = model, Vocabulary(eos_id, pad_id, decode_text)

    @torch.no_grad()
    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int) -> Samples:
        """Answer tokenised prompts, ``decoding.group_size`` times each."""
        prompt_ids, prompt_mask = left_pad(prompts, self._vocabulary.pad_id)
        ids = self._generate(prompt_ids, prompt_mask, decoding, seed)
        samples = assemble(prompt_ids, prompt_mask, ids, torch.zeros(ids.shape), self._vocabulary)
        return replace(samples, log_probs=hf_scores(self._model, samples, decoding.temperature or 1).log_probs)

    def load(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Do nothing: the learner trains the very module this samples from."""

    def _generate(self, prompt_ids: Tensor, prompt_mask: Tensor, decoding: Decoding, seed: int) -> Tensor:
        device, size = self._model.device, decoding.group_size
        with _own_habits_aside(self._model), torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            whole = self._model.generate(
                input_ids=prompt_ids.repeat_interleave(size, dim=0).to(device),
                attention_mask=prompt_mask.repeat_interleave(size, dim=0).long().to(device),
                generation_config=self._generation(decoding),
            )
        ids: Tensor = whole[:, prompt_ids.shape[1] :].cpu()
        return ids

    def _generation(self, decoding: Decoding) -> GenerationConfig:
        sampling = {"temperature": decoding.temperature, "top_k": 0, "top_p": 1.0} if decoding.temperature else {}
        return GenerationConfig(
            max_new_tokens=decoding.max_response_length,
            do_sample=decoding.temperature > 0,
            eos_token_id=self._vocabulary.eos_id,
            pad_token_id=self._vocabulary.pad_id,
            use_cache=True,  # decoding without one is 17 times slower
            **sampling,
        )


@contextmanager
def _own_habits_aside(model: Any) -> Iterator[None]:
    """``generate`` fills gaps from the model's settings; a min-p from there would sample from another policy."""
    habits, model.generation_config = model.generation_config, GenerationConfig()
    try:
        yield
    finally:
        model.generation_config = habits
