"""Measure an embedded checkpoint: accuracy, entropy, truncation and pass@8 of its samples."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from harness.models import PromptForm, format_prompt
from harness.records import pass_at_k
from harness.rewards import is_correct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.data import Problem

_PROMPTS_A_BATCH = 32


@dataclass(frozen=True, slots=True)
class Sampling:
    """The sampling settings of a measurement."""

    samples: int = 8  # responses per problem, and the k of pass@k
    temperature: float = 1.0
    max_tokens: int = 64
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Measurement:
    """The results of one checkpoint on one set of problems.

    Rates are shares of all ``n`` responses.
    """

    n: int
    accuracy: float
    accuracy_half_width: float  # half of the 95 % interval, with problems as clusters
    entropy: float  # nats per response token
    truncated: float  # responses that do not end within max_tokens
    pass_at_8: float
    length: float  # mean tokens per response, with the end token
    seconds: float


@dataclass(frozen=True, slots=True)
class Responses:
    """The responses of a model to a batch of prompts, ``samples`` rows per prompt."""

    texts: list[str]
    lengths: Tensor  # (B,)
    truncated: Tensor  # (B,) bool
    entropy_sums: Tensor  # (B,), nats summed over a response


def measure(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[Problem],
    form: PromptForm,
    sampling: Sampling,
) -> Measurement:
    """Sample answers to problems and grade them.

    Args:
        model: the model to measure
        tokenizer: its tokenizer
        problems: the evaluation problems
        form: the form of the prompts, base or chat
        sampling: the sampling settings

    Returns:
        The measurement.

    """
    torch.manual_seed(sampling.seed)
    start = time.perf_counter()
    right: list[list[bool]] = []
    parts: list[Responses] = []
    for batch in _batches(problems):
        prompts = [format_prompt(tokenizer, problem.prompt, form) for problem in batch]
        parts.append(respond(model, tokenizer, prompts, sampling))
        right += grade(parts[-1].texts, batch, sampling.samples)
    lengths = torch.cat([part.lengths for part in parts]).float()
    shares = torch.tensor(right).float().mean(dim=1)
    return Measurement(
        n=lengths.numel(),
        accuracy=shares.mean().item(),
        accuracy_half_width=1.96 * shares.std().item() / math.sqrt(len(shares)),
        entropy=(torch.cat([part.entropy_sums for part in parts]).sum() / lengths.sum()).item(),
        truncated=torch.cat([part.truncated for part in parts]).float().mean().item(),
        pass_at_8=float(pass_at_k(np.array(right), 8).mean()),
        length=lengths.mean().item(),
        seconds=time.perf_counter() - start,
    )


@torch.inference_mode()
def respond(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[list[int]], sampling: Sampling
) -> Responses:
    """Sample responses to tokenized prompts; uses torch's global random state.

    Args:
        model: the model
        tokenizer: its tokenizer
        prompts: token ids of each prompt; they are padded on the left
        sampling: the sampling settings

    Returns:
        ``sampling.samples`` responses per prompt, in order.

    """
    asked = tokenizer.pad({"input_ids": list(prompts)}, padding_side="left", return_tensors="pt")
    output = model.generate(
        **asked,
        do_sample=True,
        temperature=sampling.temperature,
        top_k=0,
        top_p=1.0,
        num_return_sequences=sampling.samples,
        max_new_tokens=sampling.max_tokens,
        output_logits=True,
        return_dict_in_generate=True,
    )
    written = output.sequences[:, asked["input_ids"].shape[1] :]
    ended = (written == tokenizer.eos_token_id).cumsum(dim=1)
    inside = (ended == 0) | ((ended == 1) & (written == tokenizer.eos_token_id))
    log_probs = torch.stack(output.logits, dim=1).float().log_softmax(dim=-1)
    entropy = -(log_probs.exp() * log_probs).sum(dim=-1)
    return Responses(
        texts=tokenizer.batch_decode(written.masked_fill(~inside, tokenizer.pad_token_id), skip_special_tokens=True),
        lengths=inside.sum(dim=1),
        truncated=ended[:, -1] == 0,
        entropy_sums=(entropy * inside).sum(dim=1),
    )


def grade(texts: Sequence[str], problems: Sequence[Problem], samples: int) -> list[list[bool]]:
    """Return the correct responses of each problem, by the rule of training.

    Args:
        texts: the responses, ``samples`` per problem in order
        problems: the problems
        samples: responses per problem

    Returns:
        For each problem, True for each correct response.

    """
    right = [
        is_correct(text, problem.answer)
        for text, problem in zip(texts, (p for p in problems for _ in range(samples)), strict=True)
    ]
    return [right[start : start + samples] for start in range(0, len(right), samples)]


def _batches(problems: Sequence[Problem]) -> Iterator[Sequence[Problem]]:
    for start in range(0, len(problems), _PROMPTS_A_BATCH):
        yield problems[start : start + _PROMPTS_A_BATCH]
