import json
from pathlib import Path

import pytest

from harness.data.catalog import DataError
from harness.data.rows import parse_rows

PATH = Path("eval/mine.jsonl")
GOOD = {"id": "mine/1", "problem": "What is $1+1$?", "answer": "2"}


def parsed(*lines, difficulty=False):
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return parse_rows(text.encode(), PATH, difficulty=difficulty)


def refused(*lines, difficulty=False):
    with pytest.raises(DataError) as caught:
        parsed(*lines, difficulty=difficulty)
    return str(caught.value)


def test_a_row_is_read_with_its_line():
    (found,) = parsed(GOOD)
    assert (found.row_id, found.problem, found.answer) == ("mine/1", "What is $1+1$?", "2")
    assert found.place == "eval/mine.jsonl:1"


def test_answer_norm_is_preferred():
    assert parsed({**GOOD, "answer": "4.5e3", "answer_norm": "4.5 \\times 10^{3}"})[0].answer == "4.5 \\times 10^{3}"


def test_a_tolerance_may_be_a_string():
    assert parsed({**GOOD, "tolerance": "1e-1"})[0].tolerance == 0.1


@pytest.mark.parametrize("tolerance", ["much", -1, [1], "nan", 10**400, True])
def test_a_tolerance_that_is_no_number_is_refused(tolerance):
    assert "eval/mine.jsonl:1: field 'tolerance'" in refused({**GOOD, "tolerance": tolerance})


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\x0c"])
def test_a_statement_may_hold_any_line_separator(separator):
    problem = f"What{separator}is $1+1$?"
    (found,) = parsed(json.dumps({**GOOD, "problem": problem}, ensure_ascii=False))
    assert found.problem == problem


def test_a_byte_order_mark_and_windows_line_ends_are_read():
    text = "\ufeff" + json.dumps(GOOD) + "\r\n" + json.dumps({**GOOD, "id": "mine/2"}) + "\r\n"
    assert [row.row_id for row in parse_rows(text.encode(), PATH)] == ["mine/1", "mine/2"]


def test_a_truncated_file_names_its_last_line():
    said = refused(GOOD, json.dumps({**GOOD, "id": "mine/2"})[:40])
    assert said.startswith("eval/mine.jsonl:2: no complete JSON object")
    assert "copy it again" in said


def test_an_empty_file_is_refused():
    assert "has no rows" in refused("", "")


@pytest.mark.parametrize("name", ["id", "problem", "answer"])
def test_a_missing_field_is_named_with_its_line(name):
    fields = {key: value for key, value in GOOD.items() if key != name}
    assert refused({**GOOD, "id": "mine/0"}, fields) == (
        f"eval/mine.jsonl:2: field '{name}' is missing; it must be a string"
    )


@pytest.mark.parametrize(("name", "value"), [("id", 7), ("problem", None), ("answer", 27.0), ("answer", ["2"])])
def test_a_field_of_another_type_is_refused(name, value):
    assert f"eval/mine.jsonl:1: field '{name}' is {value!r}" in refused({**GOOD, name: value})


@pytest.mark.parametrize("name", ["id", "problem"])
def test_an_empty_field_is_refused(name):
    assert f"field '{name}' is empty" in refused({**GOOD, name: "  "})


def test_half_a_surrogate_pair_is_refused():
    assert "field 'problem' holds half a surrogate pair" in refused('{"id": "a", "problem": "x\\ud800", "answer": "1"}')


def test_bytes_that_are_not_utf8_are_refused():
    with pytest.raises(DataError, match=r"mine\.jsonl:1: byte 12 is not UTF-8"):
        parse_rows(b'{"id": "caf\xe9"}', PATH)


def test_a_line_that_is_no_object_is_refused():
    assert "eval/mine.jsonl:1: a list; write a JSON object" in refused("[1, 2]")


def test_deep_nesting_is_refused():
    assert "no complete JSON object" in refused('{"id":' + "[" * 100_000)


def test_repeated_ids_are_refused_with_both_lines():
    said = refused(GOOD, {**GOOD, "id": "mine/2"}, GOOD)
    assert said.startswith("eval/mine.jsonl:3: id 'mine/1' is already used by eval/mine.jsonl:1")


@pytest.mark.parametrize("difficulty", [None, "5", True, 10**400])
def test_a_difficulty_that_is_no_number_is_refused(difficulty):
    assert "field 'difficulty'" in refused({**GOOD, "difficulty": difficulty}, difficulty=True)


def test_not_a_number_is_no_json():
    assert "NaN is no JSON" in refused('{"id": "a", "problem": "b", "answer": "1", "difficulty": NaN}', difficulty=True)
