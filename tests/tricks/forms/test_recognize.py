"""The form of a text shows in its name or its content; hostile texts end in one message, and soon."""

import json
from contextlib import suppress
from typing import Final

import pytest
from hypothesis import example, given, settings, strategies as st

from tricks.api import TrickError
from tricks.forms import FormHints, read_text, recognize_form

TEXTS: Final = {
    "yaml": "beta: 0.0\nactor:\n  lr: 1e-6\n",
    "json": '{"beta": 0.0, "actor": {"lr": 1e-6}}',
    "toml": "beta = 0.0\n[actor]\nlr = 1e-6\n",
    "python": "config = Config(\n    beta=0.0,\n    actor=dict(lr=1e-6),\n)\n",
    "shell": "set -x\npython -m x.y \\\n  beta=0.0 \\\n  actor.lr=1e-6\n",
    "options": "--beta 0.0\n--actor.lr 1e-6\n",
    "markdown": "# Title\n\nIt's text.\n\n```python\nConfig(beta=0.0, actor=dict(lr=1e-6))\n```\n\n```bash\nls\n```\n",
    "notebook": json.dumps(
        {"cells": [{"cell_type": "code", "source": ["!pip x\n", "Config(beta=0.0, actor={'lr': 1e-6})"]}]}
    ),
}
ENDINGS: Final = {
    "yaml": "yml",
    "json": "json",
    "toml": "toml",
    "python": "py",
    "shell": "sh",
    "markdown": "md",
    "notebook": "ipynb",
}
_SIGNS: Final = (
    "$ ${ $( $(( (( )) ) } { [ ] [[ ]] \" ' ` \\ \n # & && || | ; ;; << <<EOF > < = += : - -- --a @ ~ * ! % , . \t",
    "if then else fi for in do done while case esac function f() A=1 A=( $A ${A[@]} ${A:-x} python x.py",
    "a: b: - &x *x <<: ? | > !!str '''  \"\"\" [a] a.b= = Config( dict( ** 1e9 -1 null",
)
PIECES: Final = (
    *TEXTS.values(),
    *(piece for signs in _SIGNS for piece in signs.split(" ")),
    *("\x00", "\ud800", "\ufeff", "é", " "),
)
NAMES: Final = ("", *(f"x.{ending}" for ending in ENDINGS.values()))


@pytest.mark.parametrize("form", TEXTS)
def test_the_content_shows_the_form(form: str) -> None:
    if form not in ("markdown", "notebook"):
        assert recognize_form(TEXTS[form]) == form
        assert {each.name: each.value for each in read_text(TEXTS[form]).given} == {"beta": 0.0, "actor.lr": 1e-6}


@pytest.mark.parametrize("form", ENDINGS)
def test_the_name_shows_the_form(form: str) -> None:
    reading = read_text(TEXTS[form], f"some/x.{ENDINGS[form]}")
    assert {each.name: each.value for each in reading.given} == {"beta": 0.0, "actor.lr": 1e-6}


def test_blocks_of_a_page_have_the_lines_of_the_page() -> None:
    assert [each.place for each in read_text(TEXTS["markdown"], "x.md").given] == ["line 6", "line 6"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("  \n# only a comment\n", "no option was read"),
        ("hello world", "no option was read"),
        ("x" * 500_001, "500001 characters"),
    ],
)
def test_a_text_without_options_is_refused(text: str, words: str) -> None:
    with pytest.raises(TrickError, match=words):
        read_text(text, "x.yaml")


@given(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=30).map("".join),
    st.sampled_from(NAMES),
)
@settings(max_examples=400, deadline=None)
@example("a: 1\n" * 3, "")
def test_reading_raises_nothing_but_its_own_error(text: str, name: str) -> None:
    with suppress(TrickError):
        reading = read_text(text, name, FormHints(programs=("x.py",), find=lambda _: text))
        assert reading.given
        assert len({each.name for each in reading.given}) == len(reading.given)
        assert all(each.place for each in reading.given)


@given(st.sampled_from(PIECES), st.sampled_from(PIECES), st.sampled_from(NAMES), st.integers(1, 40_000))
@settings(max_examples=150, deadline=None)
def test_repeated_text_ends_soon(one: str, other: str, name: str, count: int) -> None:
    text = (one + " ") * min(count, 200_000 // (len(one) + 1)) + other
    with suppress(TrickError):
        read_text(text, name, FormHints(programs=("x.py",)))
