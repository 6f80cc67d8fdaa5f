from __future__ import annotations

from itertools import islice

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from harness.data.synthetic import DIFFICULTIES, stream_problems
from harness.models.prompting import SYSTEM_PROMPT, PromptForm, format_prompt, list_prompt_notes
from tools.embedded_models.corpus import opening
from tools.embedded_models.tokenizer import build_tokenizer


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
    for problem in islice(stream_problems(DIFFICULTIES, seed=2), 300):
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


# Beginnings and ends that tokenizers and templates put around a text.
BEGINNING = "{% if add_generation_prompt %}<assistant>{% endif %}"
PLAIN_TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}" + BEGINNING


def _special(before: str = "", behind: str = "", template: str | None = None) -> PreTrainedTokenizerFast:
    """A tokenizer that puts special tokens before and behind a text, such as "<s> <s>" and "</s>"."""
    tokenizer = _byte_tokenizer(template)
    tokenizer.add_special_tokens(
        {"bos_token": "<s>", "eos_token": "</s>", "additional_special_tokens": ["[sep]", "<go>"]}
    )
    known = [(token, tokenizer.convert_tokens_to_ids(token)) for token in ("<s>", "</s>", "[sep]", "<go>")]
    around = " ".join(part for part in (before, "$A", behind) if part)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single=around, special_tokens=known)
    return tokenizer


@pytest.mark.parametrize("behind", ["</s>", "</s> </s>", "[sep]", "[sep] </s>"])
@pytest.mark.parametrize("before", ["", "<s>", "<go> <s>"])
def test_a_question_in_plain_form_does_not_end_with_what_ends_a_text(before: str, behind: str) -> None:
    asked = _special(before, behind).decode(format_prompt(_special(before, behind), "2+3=?", "base"))
    assert asked == f"{before.replace(' ', '')}2+3=?\n{SYSTEM_PROMPT}\n"


def test_a_text_begins_once() -> None:
    tokenizer = _special("<s> <s>")
    assert tokenizer.decode(format_prompt(tokenizer, "2+3=?", "base")).count("<s>") == 1
    assert list_prompt_notes(tokenizer, "base") == (
        "the tokenizer begins a text with '<s>' '<s>': each is put once before a prompt",
    )


def test_special_tokens_that_a_question_spells_itself_stay() -> None:
    tokenizer = _special("<s>", "</s>")
    asked = tokenizer.decode(format_prompt(tokenizer, "<s><s>2+3=?</s>", "base"))
    assert asked == f"<s><s><s>2+3=?</s>\n{SYSTEM_PROMPT}\n"


@pytest.mark.parametrize(
    ("before", "behind", "template", "told"),
    [
        ("", "", PLAIN_TEMPLATE, []),
        ("<s>", "", "{{ bos_token }}" + PLAIN_TEMPLATE, []),
        ("<s>", "</s>", "{{ bos_token }}" + PLAIN_TEMPLATE, []),
        ("<s>", "", PLAIN_TEMPLATE, ["begins a text with '<s>', its chat template does not"]),
        ("<s>", "", "{{ bos_token }}{{ bos_token }}" + PLAIN_TEMPLATE, ["begins a prompt with '<s>' twice"]),
        ("", "", "{% for m in messages %}{{ m.content }}{{ eos_token }}\n{% endfor %}", ["ends a prompt with '</s>'"]),
        ("", "", "{% for m in messages %}[I]{{ m.content }}[/I]{% endfor %}", []),
        (
            "",
            "",
            "{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}" + BEGINNING,
            [],
        ),
    ],
)
def test_what_is_odd_about_a_template_is_said(before: str, behind: str, template: str, told: list[str]) -> None:
    tokenizer = _special(before, behind, template)
    notes = list_prompt_notes(tokenizer, "chat")
    assert len(notes) == len(told)
    assert all(words in note for words, note in zip(told, notes, strict=True))


def test_a_template_asks_as_it_is_written_whatever_the_tokenizer_adds() -> None:
    for before in ("", "<s>", "<s> <s>"):
        tokenizer = _special(before, "</s>", "{{ bos_token }}" + PLAIN_TEMPLATE)
        asked = tokenizer.decode(format_prompt(tokenizer, "2+3=?", "chat"))
        assert asked == f"<s><system>{SYSTEM_PROMPT}<user>2+3=?<assistant>"


def test_an_end_that_only_the_model_names_counts() -> None:
    tokenizer = _special(template="{% for m in messages %}{{ m.content }}[sep]{% endfor %}")
    assert not list_prompt_notes(tokenizer, "chat")
    (note,) = list_prompt_notes(tokenizer, "chat", ends=[tokenizer.convert_tokens_to_ids("[sep]")])
    assert note.startswith("the chat template ends a prompt with '[sep]' without starting the answer")


def test_nothing_is_odd_about_the_embedded_models() -> None:
    assert list_prompt_notes(build_tokenizer(), "base") == list_prompt_notes(build_tokenizer(), "chat") == ()
