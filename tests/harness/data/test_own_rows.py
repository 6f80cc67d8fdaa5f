"""Rows of one's own file: what is read, and what is refused with all its lines in one message."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from harness.data.catalog import DataError
from harness.data.rows import read_own_rows

PATH = Path("mine.jsonl")
GOOD = b'{"problem": "1+1=", "answer": "2"}\n'


def test_problem_and_answer_are_enough() -> None:
    read = read_own_rows(PATH, GOOD + b'{"id": "b", "problem": "1+2=", "answer": "3", "level": 2}')
    assert [(row.row_id, row.problem, row.answer) for row in read.rows] == [("line 1", "1+1=", "2"), ("b", "1+2=", "3")]
    assert read.levels == {"2": 1}
    assert read.unread == ()


def test_a_byte_order_mark_crlf_blank_lines_and_separators_are_read() -> None:
    content = b'\xef\xbb\xbf{"problem": "a\xe2\x80\xa8b", "answer": "2"}\r\n\r\n \n{"problem": "c", "answer": "3"}\r\n'
    rows = read_own_rows(PATH, content).rows
    assert [(row.row_id, row.problem) for row in rows] == [("line 1", "a\u2028b"), ("line 4", "c")]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("3", "3"),
        ("-0.50", "-0.50"),
        ("5.0", "5.0"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1e5", r"1 \times 10^{5}"),
        ("2.5E-03", r"2.5 \times 10^{-3}"),
        ('"1e5"', "1e5"),
        ('" 7 "', "7"),
        ('""', ""),
    ],
)
def test_an_answer_is_text_or_a_number_as_it_is_written(written: str, text: str) -> None:
    assert read_own_rows(PATH, f'{{"problem": "p", "answer": {written}}}'.encode()).rows[0].answer == text


@pytest.mark.parametrize(("written", "tolerance"), [("0", 0.0), ("0.25", 0.25), ("null", None)])
def test_a_tolerance_is_a_number_of_zero_or_more(written: str, tolerance: float | None) -> None:
    row = f'{{"problem": "p", "answer": "1", "tolerance": {written}}}'.encode()
    assert read_own_rows(PATH, row).rows[0].tolerance == tolerance


def test_columns_of_ones_own_pass_and_are_named_once() -> None:
    row = b'{"problem": "p", "answer": "1", "source": [1, {"a": null}], "note": 2}\n'
    assert read_own_rows(PATH, row + row.replace(b"note", b"more")).unread == ("source", "note", "more")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"problem": "p", "answer": true}', "field 'answer' is true or false (true)"),
        ('{"problem": "p", "answer": null}', "field 'answer' is null"),
        ('{"problem": "p", "answer": ["1"]}', "field 'answer' is a list"),
        ('{"problem": "p", "answer": {"a": 1}}', "field 'answer' is an object"),
        ('{"problem": "p", "answer": NaN}', "NaN is no JSON"),
        ('{"problem": 3, "answer": "1"}', "field 'problem' is a number (3)"),
        ('{"problem": " ", "answer": "1"}', "field 'problem' is empty"),
        ('{"answer": "1"}', "field 'problem' is missing; give every row its problem; its fields are 'answer'"),
        ('{"question": "p", "answer": "1"}', "field 'problem' is missing; rename 'question' to 'problem'"),
        ('{"problem": "p", "ground_truth": "1"}', "field 'answer' is missing; rename 'ground_truth' to 'answer'"),
        ("{}", "field 'problem' is missing"),
        ('{"problem_id": "a", "prompt": "p", "answer": "1", "verifier": "math"}', "copy its .card.json"),
        ('{"problem": "p", "answer": "1", "answer": "2"}', "field 'answer' appears twice"),
        ('{"problem": "p\\ud800", "answer": "1"}', "half a surrogate pair"),
        ('{"problem": "p", "answer": "1", "id": ""}', "field 'id' is empty"),
        ('{"problem": "p", "answer": "1", "id": false}', "field 'id' is true or false"),
        ('{"problem": "p", "answer": "1", "level": [1]}', "field 'level' is a list"),
        ('{"problem": "p", "answer": "1", "tolerance": -1}', "field 'tolerance' is not a number of 0 or more"),
        ('{"problem": "p", "answer": "1", "tolerance": true}', "field 'tolerance' is not a number of 0 or more"),
        ('"text"', "the line is not a JSON object (text)"),
        ("3", "the line is not a JSON object"),
        ("{'problem': 'p'}", "the line is not JSON"),
        ('{"problem": "p", "answer": "1"} {}', "the line is not JSON"),
    ],
)
def test_a_bad_row_is_named_with_its_line(row: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_own_rows(PATH, GOOD + row.encode() + b"\n" + GOOD)
    assert str(caught.value).startswith("mine.jsonl:2: ")
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_was_cut_off_is_named_so() -> None:
    with pytest.raises(DataError, match=r"mine\.jsonl:2: .*the file may be truncated; copy it again"):
        read_own_rows(PATH, GOOD + b'{"problem": "p", "ans')


def test_a_byte_that_is_not_utf8_is_named() -> None:
    with pytest.raises(DataError, match=r"mine\.jsonl:1: the line is not UTF-8 \(byte 14\); save the file as UTF-8"):
        read_own_rows(PATH, '{"problem": "ä", "answer": "1"}'.encode("latin-1"))


def test_faults_of_one_kind_are_one_line() -> None:
    content = b'{"problem": "p", "answer": true}\n' * 2_000 + b'{"problem": "p"}\n' + GOOD
    with pytest.raises(DataError) as caught:
        read_own_rows(PATH, content)
    head, first, second = str(caught.value).splitlines()
    assert head == "mine.jsonl: 2001 of 2002 rows cannot be used"
    assert first.startswith(
        "mine.jsonl:1: field 'answer' is true or false (true), and in 1999 more: lines 2, 3, 4, 5, ..."
    )
    assert second.startswith("mine.jsonl:2001: field 'answer' is missing")


def test_an_id_that_is_taken_is_named_with_both_lines() -> None:
    rows = b'{"problem": "p", "answer": "1", "id": 7}\n{"problem": "q", "answer": "1", "id": "7"}\n'
    with pytest.raises(DataError, match=r"mine\.jsonl:2: field 'id' is already used by another row \(line 1\)"):
        read_own_rows(PATH, rows)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file has no rows"),
        (b"\n \r\n", "the file has no rows"),
        (b"\xef\xbb\xbf", "the file has no rows"),
        (gzip.compress(GOOD, mtime=0), "compressed by gzip; unpack it"),
        (GOOD.decode().encode("utf-16"), "it is UTF-16; save it as UTF-8"),
        (b"PAR1....", "it is Parquet"),
        (b"[" + GOOD + b"]", "it begins with a list; write one object per line"),
    ],
)
def test_another_format_is_named(content: bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_own_rows(PATH, content)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
