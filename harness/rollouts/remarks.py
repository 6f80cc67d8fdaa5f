"""Remarks on a user's problems before a run: how they fit its model, limits and batches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.config import max_prompt_tokens
from harness.data import FILE_SOURCE, is_tier
from harness.models import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transformers import PreTrainedTokenizerBase

    from harness.config import ExperimentConfig
    from harness.data import Problem
    from harness.rollouts.problems import RunProblems

_PIECES: Final = 8  # largest number of quoted pieces of text
_LINES: Final = 5  # largest number of named problems


def list_remarks(config: ExperimentConfig, read: RunProblems) -> list[str]:
    """Return a line for each unusual fact; empty where no file of the user is read.

    Models whose tokenizer is not available here, such as one on a cluster's nodes, are not checked.
    """
    own = _own(config, read)
    if not own:
        return []
    found = list(_few(config, read))
    try:
        from harness.models import load_tokenizer  # noqa: PLC0415 - transformers takes seconds

        tokenizer = load_tokenizer(config.model.path)
    except ModelError:
        return found
    for name, problems in own.items():
        found += _unspelled(name, problems, config.model.path, tokenizer)
        response = config.rollout.max_response_length
        if name in read.files:
            response = config.eval.max_response_length or response
        found += _too_long(name, problems, config, tokenizer, response)
    return found


def _own(config: ExperimentConfig, read: RunProblems) -> dict[str, Sequence[Problem]]:
    trained = {name: tier.problems for name, tier in read.tiers.items()} if _is_own(config) else {}
    return {**trained, **{name: read.held_out[name] for name in read.files}}


def _is_own(config: ExperimentConfig) -> bool:
    """Return whether the run trains on the user's problems, and not on a tier cut by difficulty."""
    return config.data.source == FILE_SOURCE and config.data.path is not None and not is_tier(Path(config.data.path))


def _few(config: ExperimentConfig, read: RunProblems) -> Iterator[str]:
    batch = config.rollout.prompts_per_batch
    for name, tier in read.tiers.items() if _is_own(config) else ():
        if len(tier.problems) < batch:
            yield (
                f"{name}: {len(tier.problems)} problems, fewer than rollout.prompts_per_batch={batch}: each step asks "
                "some of them more than once"
            )


def _unspelled(name: str, problems: Sequence[Problem], model: str, tokenizer: PreTrainedTokenizerBase) -> Iterator[str]:
    """Yield remarks on text for which the tokenizer has no token.

    A tokenizer that falls back to bytes has a token for everything.
    """
    if tokenizer.unk_token_id is None or not tokenizer.is_fast:
        return
    for part, texts in {
        "problems": [problem.prompt for problem in problems],
        "answers": [problem.answer for problem in problems],
    }.items():
        pieces = [_pieces(text, tokenizer) for text in texts]
        at = [problem.problem_id for problem, found in zip(problems, pieces, strict=True) if found]
        if at:
            distinct = list(dict.fromkeys(piece for found in pieces for piece in found))
            quoted = ", ".join(map(repr, distinct[:_PIECES])) + (", ..." if len(distinct) > _PIECES else "")
            means = "it reads them as unknown" if part == "problems" else "no response of the model can contain them"
            yield (
                f"{name}: {len(at)} of {len(problems)} {part} contain characters that the tokenizer of {model} "
                f"cannot encode ({quoted}): {means}; the first: {', '.join(at[:_LINES])}"
            )


def _pieces(text: str, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    read = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    pairs = zip(read["input_ids"], read["offset_mapping"], strict=True)
    return [text[start:end] for token, (start, end) in pairs if token == tokenizer.unk_token_id]


def _too_long(
    name: str,
    problems: Sequence[Problem],
    config: ExperimentConfig,
    tokenizer: PreTrainedTokenizerBase,
    response: int,
) -> Iterator[str]:
    """Yield remarks on problems whose prompt and a response of ``response`` tokens do not fit."""
    from harness.rollouts.prompts import build_task  # noqa: PLC0415 - torch takes seconds

    limit = max_prompt_tokens(config.limits, response)
    try:
        sizes = {problem.problem_id: len(build_task(problem, config, tokenizer).prompt_ids) for problem in problems}
    except ValueError:  # the tokenizer lacks the prompt form; the run refuses it
        return
    long = [problem_id for problem_id, size in sizes.items() if size > limit]
    if long:
        bound = f"rollout.max_prompt_length={limit} tokens"
        if limit < config.rollout.max_prompt_length:
            bound = f"the {limit} tokens that the model's window leaves for a prompt"
        yield (
            f"{name}: {len(long)} of {len(problems)} prompts are longer than {bound}, the longest "
            f"{max(sizes.values())}; they are not trained on, and are scored as wrong; the first: "
            f"{', '.join(long[:_LINES])}"
        )
