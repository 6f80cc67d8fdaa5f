"""Turn a question into the token ids that a model answers: plain text or chat template."""

from __future__ import annotations

from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Final, Literal

from jinja2 import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transformers import PreTrainedTokenizerBase

PromptForm = Literal["base", "chat"]

# The system prompt of the paper, for all its models.
SYSTEM_PROMPT = r"Please reason step by step, and put your final answer within \boxed{}."
_SAMPLE: Final = "1+1=?"  # a prompt that shows which tokens a tokenizer adds


def format_prompt(
    tokenizer: PreTrainedTokenizerBase, problem_prompt: str, form: PromptForm, thinking: bool | None = None
) -> list[int]:
    """Return the token ids of a prompt, up to where the answer begins.

    "base" is plain text after the tokens that the tokenizer puts before a text, each once. Tokens that the tokenizer
    puts after a text are left out: after an end-of-sequence token there is nothing to answer. "chat" is the tokenizer's
    own template, unchanged.

    Args:
        tokenizer: The tokenizer of the model.
        problem_prompt: The question.
        form: "base" or "chat".
        thinking: Passed to the template as ``enable_thinking`` unless it is None.

    Returns:
        The token ids.

    Raises:
        ValueError: The tokenizer has no template, or the form or template has no switch for thinking.

    """
    if form == "base":
        _refuse_thinking(thinking is not None, "prompt_form=base asks in plain text")
        return _as_plain_text(tokenizer, problem_prompt)
    if not tokenizer.chat_template:
        raise ValueError("model.prompt_form is chat, but the tokenizer has no chat template; set it to base")
    template = tokenizer.get_chat_template()
    _refuse_thinking(thinking is not None and "enable_thinking" not in template, "the chat template has no such switch")
    switch = {} if thinking is None else {"enable_thinking": thinking}
    text = _rendered(tokenizer, problem_prompt, switch)
    return list(tokenizer.encode(text, add_special_tokens=False))


def _refuse_thinking(refused: bool, reason: str) -> None:
    if refused:
        raise ValueError(f"model.thinking turns thinking on or off, but {reason}; set it to null")


def _rendered(tokenizer: PreTrainedTokenizerBase, problem_prompt: str, switch: dict[str, bool]) -> str:
    turns = [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": problem_prompt}]
    ask = partial(tokenizer.apply_chat_template, add_generation_prompt=True, tokenize=False, **switch)
    try:
        return str(ask(turns))
    except TemplateError:  # some templates, such as Gemma's, refuse a system turn
        return str(ask([{"role": "user", "content": f"{SYSTEM_PROMPT}\n\n{problem_prompt}"}]))


def list_prompt_notes(
    tokenizer: PreTrainedTokenizerBase, form: PromptForm, thinking: bool | None = None, ends: Sequence[int] = ()
) -> tuple[str, ...]:
    """Return notes on how a tokenizer begins and ends prompts, if that is unusual.

    Args:
        tokenizer: The tokenizer of the model.
        form: "base" or "chat".
        thinking: As in ``format_prompt``.
        ends: Tokens that end a response, in addition to the tokenizer's own end-of-sequence token.

    Returns:
        One line per note.

    Raises:
        ValueError: As in ``format_prompt``.

    """
    before, behind = _around(tokenizer)
    if form == "base":
        return tuple(_plain_notes(tokenizer, before, behind))
    ids = format_prompt(tokenizer, _SAMPLE, form, thinking)
    return tuple(_chat_notes(tokenizer, ids, before, {tokenizer.eos_token_id, *ends}))


def _plain_notes(tokenizer: PreTrainedTokenizerBase, before: list[int], behind: list[int]) -> Iterator[str]:
    if behind:
        yield f"the tokenizer ends a text with {_spelled(tokenizer, behind)}: left out, so that prompts can be answered"
    if before != _each_once(before):
        yield f"the tokenizer begins a text with {_spelled(tokenizer, before)}: each is put once before a prompt"


def _chat_notes(
    tokenizer: PreTrainedTokenizerBase, ids: list[int], before: list[int], ends: set[int | None]
) -> Iterator[str]:
    """Yield notes where the template's prompt differs from a plain text of the tokenizer."""
    first = tokenizer.bos_token_id
    if first is not None and first in before and ids[:1] != [first]:
        yield (
            f"the tokenizer begins a text with {_spelled(tokenizer, [first])}, its chat template does not: prompts "
            "follow the template, without it"
        )
    if first is not None and ids[:2] == [first, first]:
        yield f"the chat template begins a prompt with {_spelled(tokenizer, [first])} twice"
    last = next((token for token in reversed(ids) if tokenizer.decode([token]).strip()), None)
    if last is not None and last in ends and not _begins_answers(tokenizer):
        yield (
            f"the chat template ends a prompt with {_spelled(tokenizer, [last])} without starting the answer: the "
            "model has to start its turn itself"
        )


def _begins_answers(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Return whether the chat template adds tokens that start the answer."""
    turn = [{"role": "user", "content": _SAMPLE}]
    with_it, without = (
        tokenizer.apply_chat_template(turn, add_generation_prompt=begins, tokenize=False) for begins in (True, False)
    )
    return bool(with_it != without)


def _as_plain_text(tokenizer: PreTrainedTokenizerBase, problem_prompt: str) -> list[int]:
    before, behind = _around(tokenizer)
    ids = _inside(tokenizer, f"{problem_prompt}\n{SYSTEM_PROMPT}\n", before, behind)
    if tokenizer.unk_token_id is not None and tokenizer.unk_token_id in ids:  # the instruction has unknown words
        ids = _inside(tokenizer, f"{problem_prompt}\n", before, behind)
    return _each_once(before) + ids


def _around(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """Return the tokens that the tokenizer puts before and after any text."""
    whole, ids = list(tokenizer.encode(_SAMPLE)), list(tokenizer.encode(_SAMPLE, add_special_tokens=False))
    for start in range(len(whole) - len(ids) + 1):
        if whole[start : start + len(ids)] == ids:
            return whole[:start], whole[start + len(ids) :]
    # Next to special tokens some tokenizers split the text itself in another way.
    special = set(tokenizer.all_special_ids)
    before = list(takewhile(special.__contains__, whole))
    return before, list(takewhile(special.__contains__, reversed(whole[len(before) :])))[::-1]


def _inside(tokenizer: PreTrainedTokenizerBase, text: str, before: list[int], behind: list[int]) -> list[int]:
    """Return the tokens of a text without those that the tokenizer adds around it."""
    whole = list(tokenizer.encode(text))
    start = len(before) if whole[: len(before)] == before else 0
    stop = len(whole) - len(behind)
    return whole[start:stop] if whole[stop:] == behind else whole[start:]


def _each_once(ids: list[int]) -> list[int]:
    """Return the tokens without immediate repetitions."""
    return [token for place, token in enumerate(ids) if not place or token != ids[place - 1]]


def _spelled(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    return " ".join(map(repr, tokenizer.convert_ids_to_tokens(list(ids))))
