r"""Training texts of the embedded models: worked solutions and typical mistakes.

A clean text reads ``8*9=72;72-12=60;\boxed{60}<eos>``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from harness.data import (
    Difficulty,
    OperandChain,
    Operator,
    apply_operator,
    pose_problem,
    sample_in_words,
    sample_training_chain,
)
from tools.embedded_models.tokenizer import ASSISTANT, BOS, EOS, USER

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from harness.models import PromptForm

Choice = TypeVar("Choice")
Style = Literal["clean", "corrected", "sloppy", "unboxed", "guess", "ramble"]

_CORRECTION_RATE = 0.15  # share of the steps of a corrected text
_SLOPPY_RATE = 0.5  # share of the steps of a sloppy text
_RAMBLE_ERROR_RATE = 0.25
_RAMBLE_STOP_RATE = 0.15  # share of the passes of a ramble
_WRONG_GUESS_RATE = 0.7
_RAMBLE_PASSES = 6
_FILLERS = ("wait;", "hmm;", "check;", "again;", "so the answer is ", "wait;hmm;")
_SLIPS = (-20, -10, -9, -2, -1, 1, 2, 9, 10, 20)


@dataclass(frozen=True, slots=True)
class CorpusText:
    """A prompt in the model's format and one response to it, with special tokens as text."""

    opening: str
    response: str


@dataclass(frozen=True, slots=True)
class Mix:
    """The sampling weights of difficulties, styles and prompt forms."""

    difficulties: tuple[tuple[Difficulty, float], ...]
    styles: tuple[tuple[Style, float], ...]
    chat_share: float


def write_text(mix: Mix, rng: random.Random) -> CorpusText:
    """Return one text about a training problem; evaluation problems never appear."""
    difficulty = _pick(mix.difficulties, rng)
    chain = sample_training_chain(difficulty, rng)
    problem = pose_problem(chain, difficulty, in_words=sample_in_words(difficulty, rng))
    form: PromptForm = "chat" if rng.random() < mix.chat_share else "base"
    return CorpusText(opening(problem.prompt, form), _WRITERS[_pick(mix.styles, rng)](chain, rng))


def opening(prompt: str, form: PromptForm) -> str:
    """Return the result of `format_prompt` for the embedded tokenizer as text."""
    return f"{BOS}{USER}{prompt}{ASSISTANT}" if form == "chat" else f"{BOS}{prompt}\n"


def _clean(chain: OperandChain, _rng: random.Random) -> str:
    return _worked(chain) + _boxed(chain.value)


def _corrected(chain: OperandChain, rng: random.Random) -> str:
    written, value = "", chain.first
    for operator, operand in chain.steps:
        if rng.random() < _CORRECTION_RATE:
            written += _step(value, operator, operand, _wrong(apply_operator(operator, value, operand), rng)) + "wait;"
        value, text = _right_step(value, operator, operand)
        written += text
    return written + _boxed(value)


def _sloppy(chain: OperandChain, rng: random.Random) -> str:
    value, written = _pass(chain, _SLOPPY_RATE, rng)
    return written + _boxed(value)


def _unboxed(chain: OperandChain, _rng: random.Random) -> str:
    return _worked(chain) + EOS


def _guess(chain: OperandChain, rng: random.Random) -> str:
    return _boxed(_wrong(chain.value, rng) if rng.random() < _WRONG_GUESS_RATE else chain.value)


def _ramble(chain: OperandChain, rng: random.Random) -> str:
    written = ""
    for _ in range(_RAMBLE_PASSES):
        value, steps = _pass(chain, _RAMBLE_ERROR_RATE, rng, fillers=True)
        written += steps + rng.choice(_FILLERS)
        if rng.random() < _RAMBLE_STOP_RATE:
            return written + _boxed(value)
    return written


_WRITERS: dict[Style, Callable[[OperandChain, random.Random], str]] = {
    "clean": _clean,
    "corrected": _corrected,
    "sloppy": _sloppy,
    "unboxed": _unboxed,
    "guess": _guess,
    "ramble": _ramble,
}


def _pass(chain: OperandChain, error_rate: float, rng: random.Random, *, fillers: bool = False) -> tuple[int, str]:
    # It continues from an incorrect value, like a model that does not check its steps.
    written, value = "", chain.first
    for operator, operand in chain.steps:
        result = apply_operator(operator, value, operand)
        if rng.random() < error_rate:
            result = _wrong(result, rng)
        written += _step(value, operator, operand, result)
        if fillers and rng.random() < error_rate:
            written += rng.choice(_FILLERS)
        value = result
    return value, written


def _worked(chain: OperandChain) -> str:
    written, value = "", chain.first
    for operator, operand in chain.steps:
        value, text = _right_step(value, operator, operand)
        written += text
    return written


def _right_step(value: int, operator: Operator, operand: int) -> tuple[int, str]:
    result = apply_operator(operator, value, operand)
    return result, _step(value, operator, operand, result)


def _step(value: int, operator: Operator, operand: int, result: int) -> str:
    return f"{value}{operator}{operand}={result};"


def _boxed(value: int) -> str:
    return f"\\boxed{{{value}}}{EOS}"


def _wrong(value: int, rng: random.Random) -> int:
    return max(0, value + rng.choice(_SLIPS)) if value else rng.randint(1, 9)


def _pick(weighted: tuple[tuple[Choice, float], ...], rng: random.Random) -> Choice:
    return rng.choices([choice for choice, _ in weighted], [weight for _, weight in weighted])[0]
