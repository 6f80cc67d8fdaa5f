from __future__ import annotations

from itertools import islice

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from harness.models.corpus import opening
from harness.models.prompting import SYSTEM_PROMPT, PromptForm, format_prompt
from harness.models.tokenizer import build_tokenizer
from harness.problems.arithmetic import DIFFICULTIES, stream


def _byte_tokenizer(chat_template: str | None) -> PreTrainedTokenizerFast:
    """A tokenizer that spells anything, as those of real models do."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: index for index, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    fast.chat_template = chat_template
    return fast


def test_base_form_is_the_question_and_a_new_line() -> None:
    tokenizer = build_tokenizer()
    assert tokenizer.decode(format_prompt(tokenizer, "8*9-12=?", "base")) == "<bos>8*9-12=?\n"


def test_chat_form_ends_where_the_assistant_begins() -> None:
    tokenizer = build_tokenizer()
    assert tokenizer.decode(format_prompt(tokenizer, "8*9-12=?", "chat")) == "<bos><user>8*9-12=?<assistant>"


@pytest.mark.parametrize("form", ["base", "chat"])
def test_models_are_asked_in_the_very_form_they_were_taught_in(form: PromptForm) -> None:
    tokenizer = build_tokenizer()
    for problem in islice(stream(DIFFICULTIES, seed=2), 300):
        asked = format_prompt(tokenizer, problem.prompt, form)
        assert asked == tokenizer.encode(opening(problem.prompt, form), add_special_tokens=False)
        assert tokenizer.unk_token_id not in asked


def test_a_tokenizer_that_can_spell_gets_the_instruction_in_base_form() -> None:
    tokenizer = _byte_tokenizer(chat_template=None)
    assert tokenizer.decode(format_prompt(tokenizer, "2+3=?", "base")) == f"2+3=?\n{SYSTEM_PROMPT}\n"


def test_a_real_chat_template_gets_the_system_prompt() -> None:
    template = "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}[assistant]"
    tokenizer = _byte_tokenizer(template)
    asked = tokenizer.decode(format_prompt(tokenizer, "2+3=?", "chat"))
    assert asked == f"[system]{SYSTEM_PROMPT}[user]2+3=?[assistant]"


def test_chat_form_without_a_template_names_the_setting() -> None:
    with pytest.raises(ValueError, match=r"model\.prompt_form is chat, but the tokenizer has no chat template"):
        format_prompt(_byte_tokenizer(chat_template=None), "2+3=?", "chat")


# A hybrid model's template: thinking unless it is switched off.
HYBRID = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}<|assistant|>"
    "{% if enable_thinking is defined and enable_thinking is false %}<think></think>{% endif %}"
)
NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system turns') }}{% endif %}"
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
)


@pytest.mark.parametrize(("thinking", "ending"), [(None, ""), (True, ""), (False, "<think></think>")])
def test_thinking_reaches_the_template(thinking: bool | None, ending: str) -> None:
    tokenizer = _byte_tokenizer(HYBRID)
    asked = tokenizer.decode(format_prompt(tokenizer, "2+3=?", "chat", thinking))
    assert asked == f"<|system|>{SYSTEM_PROMPT}<|user|>2+3=?<|assistant|>{ending}"


@pytest.mark.parametrize("thinking", [True, False])
def test_thinking_is_refused_where_the_template_does_not_know_it(thinking: bool) -> None:
    tokenizer = _byte_tokenizer("{% for m in messages %}{{ m.content }}{% endfor %}")
    with pytest.raises(ValueError, match=r"model\.thinking .* the chat template has no such switch; set it to null"):
        format_prompt(tokenizer, "2+3=?", "chat", thinking)


def test_thinking_is_refused_in_plain_form() -> None:
    with pytest.raises(ValueError, match=r"model\.thinking .* prompt_form=base"):
        format_prompt(_byte_tokenizer(HYBRID), "2+3=?", "base", thinking=True)


def test_a_template_without_system_turns_gets_the_instruction_in_the_question() -> None:
    tokenizer = _byte_tokenizer(NO_SYSTEM)
    asked = tokenizer.decode(format_prompt(tokenizer, "2+3=?", "chat"))
    assert asked == f"[user]{SYSTEM_PROMPT}\n\n2+3=?"


def test_hybrid_models_are_asked_in_plain_form_too() -> None:
    tokenizer = _byte_tokenizer(HYBRID)
    assert tokenizer.decode(format_prompt(tokenizer, "2+3=?", "base")) == f"2+3=?\n{SYSTEM_PROMPT}\n"
