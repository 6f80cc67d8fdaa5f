"""Padded batches of texts: encoded, sorted by length, cut, and shuffled as whole batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tools.embedded_models.corpus import write_text

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from transformers import PreTrainedTokenizerBase

    from tools.embedded_models.recipe import Stage

IGNORED = -100  # target of prompt and padding tokens

_BATCHES_A_POOL = 64


@dataclass(frozen=True, slots=True)
class TextBatch:
    """Token ids and the next-token targets, padded on the right."""

    ids: Tensor  # (B, T) int64
    targets: Tensor  # (B, T) int64, IGNORED outside the response
    usual: float  # mean response tokens per batch of this pool


def batches(stage: Stage, tokenizer: PreTrainedTokenizerBase, rng: random.Random) -> Iterator[TextBatch]:
    """Yield batches without end.

    Texts of similar length share a batch, so that padding is small.

    Args:
        stage: the stage that the batches train
        tokenizer: the tokenizer of the model
        rng: the source of randomness

    Yields:
        Batches of ``stage.batch`` texts.

    """
    pad = tokenizer.convert_tokens_to_ids(str(tokenizer.pad_token))
    while True:
        pool = sorted(_encode_pool(stage, tokenizer, rng), key=lambda example: len(example[0]))
        usual = sum(len(ids) - prompt for ids, prompt in pool) / _BATCHES_A_POOL
        starts = list(range(0, len(pool), stage.batch))
        rng.shuffle(starts)
        for start in starts:
            yield _pad(pool[start : start + stage.batch], pad, usual)


def _encode_pool(
    stage: Stage, tokenizer: PreTrainedTokenizerBase, rng: random.Random
) -> Iterator[tuple[list[int], int]]:
    texts = [write_text(stage.mix, rng) for _ in range(_BATCHES_A_POOL * stage.batch)]
    whole = tokenizer([text.opening + text.response for text in texts], add_special_tokens=False)["input_ids"]
    openings = tokenizer([text.opening for text in texts], add_special_tokens=False)["input_ids"]
    for ids, prompt in zip(whole, openings, strict=True):
        yield ids[: stage.longest], len(prompt)


def _pad(examples: list[tuple[list[int], int]], pad: int, usual: float) -> TextBatch:
    longest = max(len(ids) for ids, _ in examples) - 1
    ids = torch.full((len(examples), longest), pad)
    targets = torch.full((len(examples), longest), IGNORED)
    for row, (tokens, prompt) in enumerate(examples):
        ids[row, : len(tokens) - 1] = torch.tensor(tokens[:-1])
        targets[row, prompt - 1 : len(tokens) - 1] = torch.tensor(tokens[prompt:])
    return TextBatch(ids, targets, usual)
