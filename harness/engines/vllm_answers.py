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
    log_kept: NDArray[np.float32] | None = None  # (M,), log of the mass that a cut left; None where nothing was cut


def requests(
    prompts: Sequence[Sequence[int]],
    decoding: Decoding,
    seeds: Sequence[int],
    ends: Sequence[int],
    *,
    tells: bool = False,
) -> tuple[list[Any], list[Any]]:
    """Prompts and settings for ``LLM.generate``, one of each for each sample; the samples of a prompt are adjacent.

    The seed of a sample comes from its prompt's seed and its place in the group alone. ``tells``: the workers give the
    log of the mass that a cut left where they are asked for a second log-probability (``vllm_worker.tell_kept``).
    """
    tokens = [{"prompt_token_ids": list(prompt)} for prompt in prompts for _ in range(decoding.group_size)]
    sample_seeds = [derive(seed, place) for seed in seeds for place in range(decoding.group_size)]
    return tokens, [_settings(decoding, seed, ends, tells=tells) for seed in sample_seeds]


def answers(outputs: Sequence[Any], decoding: Decoding, vocabulary: int, *, tells: bool = False) -> Answers:
    """Return what ``LLM.generate`` gave for requests of one sample each.

    Args:
        outputs: One for each of B requests.
        decoding: How they were drawn.
        vocabulary: Tokens of the model.
        tells: As it was said to ``requests``.

    """
    drawn = [output.outputs[0] for output in outputs]
    values = np.array([value for one in drawn for value in one.logprobs.logprobs], dtype=np.float32)
    log_kept = None
    if tells:
        values, log_kept = values[0::2], values[1::2]
    elif decoding.cuts(vocabulary):
        log_kept = np.full(len(values), np.nan, dtype=np.float32)  # this engine cannot tell
    return Answers(
        np.array([token for one in drawn for token in one.token_ids], dtype=np.int64),
        values,
        np.array([len(one.token_ids) for one in drawn], dtype=np.int64),
        np.array([one.finish_reason == "stop" for one in drawn], dtype=np.bool_),
        log_kept,
    )


def _settings(decoding: Decoding, seed: int, ends: Sequence[int], *, tells: bool) -> Any:
    from vllm import SamplingParams  # noqa: PLC0415 - takes seconds, and only an engine's process needs it

    return SamplingParams(
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        top_k=decoding.top_k,
        max_tokens=decoding.max_response_length,
        seed=seed,
        stop_token_ids=list(ends),
        ignore_eos=True,  # beside those
        logprobs=int(tells),  # of the token drawn, and what a cut left
        flat_logprobs=True,
        detokenize=False,
    )
