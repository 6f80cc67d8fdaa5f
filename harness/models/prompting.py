"""From a bare question to the token ids a model answers: as plain text, or through its chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PromptForm = Literal["base", "chat"]

# The system prompt of the paper, for all its models.
SYSTEM_PROMPT = r"Please reason step by step, and put your final answer within \boxed{}."


def format_prompt(tokenizer: PreTrainedTokenizerBase, problem_prompt: str, form: PromptForm) -> list[int]:
    """Token ids that end where the answer begins; ``ValueError`` for "chat" if the tokenizer has no template."""
    if form == "base":
        return _as_plain_text(tokenizer, problem_prompt)
    if not tokenizer.chat_template:
        raise ValueError("model.prompt_form is chat, but the tokenizer has no chat template; set it to base")
    messages = [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": problem_prompt}]
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    return list(tokenizer.encode(str(text), add_special_tokens=False))


def _as_plain_text(tokenizer: PreTrainedTokenizerBase, problem_prompt: str) -> list[int]:
    asked = f"{problem_prompt}\n{SYSTEM_PROMPT}\n"
    if _cannot_spell(tokenizer, asked):
        asked = f"{problem_prompt}\n"
    return list(tokenizer.encode(asked))


def _cannot_spell(tokenizer: PreTrainedTokenizerBase, text: str) -> bool:
    unknown = tokenizer.unk_token_id
    return unknown is not None and unknown in tokenizer.encode(text, add_special_tokens=False)
