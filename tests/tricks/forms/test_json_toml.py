"""JSON and TOML: dotted names, lines, and what is read of a text that ends too early."""

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tricks.forms import read_json, read_toml

JSON = '{"a": 1,\n "b": {"c": 1e-6, "d": [1, {"x": null}], "e": {}},\n "f": "\\u00e9", "g": true}'
TOML = 'a = 1\n[b]\nc = 1e-6\nd = [1,\n  2]\n[[env]]\nname = "x"\n[[env]]\nname = "y"\n[b.q]\nz.y = "t"\n'
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_objects_are_dotted_names_with_lines() -> None:
    reading = read_json(JSON)
    assert [(each.name, each.value, each.place) for each in reading.given] == [
        ("a", 1, "line 1"),
        ("b.c", 1e-6, "line 2"),
        ("b.d", [1, {"x": None}], "line 2"),
        ("b.e", {}, "line 2"),
        ("f", "é", "line 3"),
        ("g", True, "line 3"),
    ]
    assert reading.notes == ()


@pytest.mark.parametrize("end", range(1, len(JSON)))
def test_every_beginning_of_json_gives_what_is_complete(end: int) -> None:
    whole = {each.name: each.value for each in read_json(JSON).given}
    reading = read_json(JSON[:end])
    assert len(reading.notes) == 1
    assert all(whole[each.name] == each.value for each in reading.given)
    assert ("b.c" in {each.name for each in reading.given}) == (end > JSON.index("1e-6") + len("1e-6"))


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), PLAIN, max_size=4))
def test_json_reads_what_json_writes(options: dict[str, Any]) -> None:
    def build(given: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in given.items():
            *path, last = name.split(".")
            inner = found
            for part in path:
                inner = inner.setdefault(part, {})
            inner[last] = value
        return found

    reading = read_json(json.dumps(options))
    assert build({each.name: each.value for each in reading.given}) == options
    assert reading.notes == ()


def test_the_first_line_of_json_lines_is_read() -> None:
    reading = read_json('{"a": 1}\n{"a": 2}\n')
    assert [each.value for each in reading.given] == [1]
    assert "line 2: a second object begins" in reading.notes[0]


def test_a_comma_too_many_is_noted() -> None:
    reading = read_json('{"a": [1, 2,],\n "b": 3,}')
    assert [each.value for each in reading.given] == [[1, 2], 3]
    assert [note.split(":")[0] for note in reading.notes] == ["line 1", "line 2"]


def test_tables_are_dotted_names_with_lines() -> None:
    reading = read_toml(TOML)
    assert {each.name: (each.value, each.place) for each in reading.given} == {
        "a": (1, "line 1"),
        "b.c": (1e-6, "line 3"),
        "b.d": ([1, 2], "line 4"),
        "b.q.z.y": ("t", "line 11"),
        "env": ([{"name": "x"}, {"name": "y"}], "line 6"),
    }


@pytest.mark.parametrize("end", range(1, len(TOML)))
def test_every_beginning_of_toml_gives_what_is_complete(end: int) -> None:
    reading = read_toml(TOML[:end])
    try:
        tomllib.loads(TOML[:end])
    except tomllib.TOMLDecodeError:
        assert "not TOML" in reading.notes[0]
    else:
        assert reading.notes == ()
    if end >= TOML.index("[b]"):
        assert reading.given[0].name == "a"
    if end >= TOML.index("d ="):
        assert "b.c" in {each.name for each in reading.given}


def test_a_repeated_key_of_toml_ends_the_reading() -> None:
    reading = read_toml("a = 1\nb = 2\na = 3\n")
    assert [each.name for each in reading.given] == ["a", "b"]
    assert "line 3: not TOML" in reading.notes[0]


def test_dates_are_text() -> None:
    assert read_toml("a = 2024-01-02\n").given[0].value == "2024-01-02"
