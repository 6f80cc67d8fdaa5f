"""From a bare question to the token ids a model answers: as plain text, or through its chat template."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from jinja2 import TemplateError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PromptForm = Literal["base", "chat"]

# The system prompt of the paper, for all its models.
SYSTEM_PROMPT = r"Please reason step by step, and put your final answer within \boxed{}."


def format_prompt(
    tokenizer: PreTrainedTokenizerBase, problem_prompt: str, form: PromptForm, thinking: bool | None = None
) -> list[int]:
    """Token ids that end where the answer begins.

    "base" is plain text, "chat" the tokenizer's own template, with ``thinking`` handed on as ``enable_thinking``
    unless it is null. Raises ValueError where the tokenizer has no template, or has one that knows no thinking.
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


def _as_plain_text(tokenizer: PreTrainedTokenizerBase, problem_prompt: str) -> list[int]:
    asked = f"{problem_prompt}\n{SYSTEM_PROMPT}\n"
    if _cannot_spell(tokenizer, asked):
        asked = f"{problem_prompt}\n"
    return list(tokenizer.encode(asked))


def _cannot_spell(tokenizer: PreTrainedTokenizerBase, text: str) -> bool:
    unknown = tokenizer.unk_token_id
    return unknown is not None and unknown in tokenizer.encode(text, add_special_tokens=False)
