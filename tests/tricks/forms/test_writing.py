"""Options that are written in a form are read back as the same options."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given, settings, strategies as st

from tricks.api import TrickError
from tricks.forms import (
    FormHints,
    FormReading,
    read_json,
    read_options,
    read_python,
    read_text,
    read_toml,
    read_yaml,
    write_text,
)

READERS: Final[dict[str, Callable[[str], FormReading]]] = {
    "yaml": read_yaml,
    "json": read_json,
    "toml": read_toml,
    "keywords": read_python,
    "overrides": read_options,
    "flags": read_options,
}
NUMBERS = st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.from_regex(r"[A-Za-z][A-Za-z0-9 _/.,:'#\"=()-]{0,12}[a-z]", fullmatch=True).filter(
    lambda text: text.lower() not in ("true", "false", "null", "inf", "nan", "infinity")
)
WORDS = st.from_regex(r"[A-Z][a-z]{2,6}/[a-z0-9.-]{1,8}[a-z]", fullmatch=True)
LISTS = st.lists(NUMBERS | WORDS, min_size=2, max_size=3)
NAME = st.from_regex(r"[a-z][a-z0-9_]{0,6}x", fullmatch=True)
OPTIONS = st.dictionaries(NAME, NUMBERS | TEXTS | LISTS, min_size=1, max_size=5)


@pytest.mark.parametrize("form", READERS)
@given(OPTIONS, st.sampled_from(["", "why: it's so # really", "two\nlines"]))
@settings(max_examples=60, deadline=None)
def test_written_options_are_read_back(form: str, options: dict[str, Any], comment: str) -> None:
    prefix = "" if form == "keywords" else "actor."
    text = write_text(form, [(f"{prefix}{name}", value, comment) for name, value in options.items()])
    reading = READERS[form](text)
    assert {each.name: each.value for each in reading.given} == {f"{prefix}{k}": v for k, v in options.items()}
    assert reading.notes == ()
    assert comment.split("\n", maxsplit=1)[0] in text or form == "json"


@pytest.mark.parametrize(
    ("form", "name", "value", "words"),
    [
        ("toml", "a", None, "a: TOML has no null"),
        ("flags", "a", None, "a: a flag has no null"),
        ("keywords", "a.b", 1, "a.b: no keyword of Python"),
        ("xml", "a", 1, "xml: no such form"),
    ],
)
def test_what_a_form_cannot_express_is_refused(form: str, name: str, value: Any, words: str) -> None:
    with pytest.raises(TrickError, match=words):
        write_text(form, [(name, value, "")])


@pytest.mark.parametrize(
    ("form", "program"), [("keywords", "GRPOConfig"), ("flags", "python x/train.py"), ("overrides", "python -m x.main")]
)
def test_options_of_a_program_are_read_back(form: str, program: str) -> None:
    text = write_text(form, [("beta", 0.0, "it's off"), ("loss", "a b", "")], comments=["made for x"], program=program)
    reading = read_text(text, hints=FormHints(constructors=("GRPOConfig",), programs=("train.py", "x.main")))
    assert {each.name: each.value for each in reading.given} == {"beta": 0.0, "loss": "a b"}
    assert text.startswith("# made for x\n")
    assert form == "keywords" or reading.program in ("x/train.py", "x.main")
