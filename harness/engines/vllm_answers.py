"""Requests to vLLM and its answers, as arrays that Ray shares without a copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.seeding import derive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.engines.protocols import Decoding


@dataclass(frozen=True, slots=True)
class Answers:
    """B responses, their tokens one behind the other: M in all."""

    ids: NDArray[np.int64]  # (M,)
    log_probs: NDArray[np.float32]  # (M,), of the distribution drawn from
    lengths: NDArray[np.int64]  # (B,)
    stopped: NDArray[np.bool_]  # (B,), by an end token; else by the limit


def requests(
    prompts: Sequence[Sequence[int]], decoding: Decoding, seeds: Sequence[int], ends: Sequence[int]
) -> tuple[list[Any], list[Any]]:
    """Prompts and settings for ``LLM.generate``, one of each for each sample; the samples of a prompt are adjacent.

    The seed of a sample comes from its prompt's seed and its place in the group alone.
    """
    tokens = [{"prompt_token_ids": list(prompt)} for prompt in prompts for _ in range(decoding.group_size)]
    sample_seeds = [derive(seed, place) for seed in seeds for place in range(decoding.group_size)]
    return tokens, [_settings(decoding, seed, ends) for seed in sample_seeds]


def answers(outputs: Sequence[Any]) -> Answers:
    """What ``LLM.generate`` gave for requests of one sample each."""
    drawn = [output.outputs[0] for output in outputs]
    return Answers(
        np.array([token for one in drawn for token in one.token_ids], dtype=np.int64),
        np.array([value for one in drawn for value in one.logprobs.logprobs], dtype=np.float32),
        np.array([len(one.token_ids) for one in drawn], dtype=np.int64),
        np.array([one.finish_reason == "stop" for one in drawn], dtype=np.bool_),
    )


def _settings(decoding: Decoding, seed: int, ends: Sequence[int]) -> Any:
    from vllm import SamplingParams  # noqa: PLC0415 - takes seconds, and only an engine's process needs it

    return SamplingParams(
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        top_k=decoding.top_k,
        max_tokens=decoding.max_response_length,
        seed=seed,
        stop_token_ids=list(ends),
        ignore_eos=True,  # beside those
        logprobs=0,  # of the token drawn
        flat_logprobs=True,
        detokenize=False,
    )
