from __future__ import annotations

from fractions import Fraction

import pytest

from harness.verify.compare.fast_path import judge_fast, parse_exact_number
from harness.verify.grader import judge_box
from harness.verify.model.verdict import Gold
from harness.verify.process_pool import compute_vote_key


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("25", 25),
        ("025", 25),
        ("-3", -3),
        ("+3", 3),
        ("\N{MINUS SIGN}3", -3),
        ("$7$", 7),
        ("1,000", 1000),
        ("1{,}000", 1000),
        (r"1\,000", 1000),
        ("\N{FULLWIDTH DIGIT THREE}", 3),
        ("0.50", Fraction(1, 2)),
        (".5", Fraction(1, 2)),
        (r"\dfrac{1}{2}", Fraction(1, 2)),
        (r"-\frac{3}{6}", Fraction(-1, 2)),
        ("6/4", Fraction(3, 2)),
    ],
)
def test_plain_numbers_are_read_exactly(text: str, value: Fraction | int) -> None:
    assert parse_exact_number(text) == value


@pytest.mark.parametrize(
    "text", ["", "x", "1 000 0", "1/0", "1,00", "1e5", "2^3", "1 1/2", r"50\%", "--3", "9" * 500, "1.2.3"]
)
def test_what_is_no_plain_number_is_left_to_the_reader(text: str) -> None:
    assert parse_exact_number(text) is None


@pytest.mark.parametrize(
    ("gold", "answer", "opinion"),
    [
        (Gold("025"), "25", (True, "same_number")),
        (Gold("1.5"), r"\frac{3}{2}", (True, "same_number")),
        (Gold("1.5"), "1.51", (False, "different")),
        (Gold("1.5", tolerance=0.1), "1.58", (True, "same_number")),
        (Gold("1.5", tolerance=0.1), "1.61", (False, "different")),
        (Gold(r"\frac{\pi}{2}"), r"\dfrac{ \pi }2", (True, "same_text")),
        (Gold(r"\text{east}"), "east", (True, "same_text")),
        (Gold(r"\sqrt2"), r"\sqrt3", None),
        (Gold("11/2"), "1 1/2", None),
    ],
)
def test_text_decides_where_it_can(gold: Gold, answer: str, opinion: tuple[bool, str] | None) -> None:
    assert judge_fast(gold, answer) == opinion


@pytest.mark.parametrize("answer", ["1.6", "1.4", r"2 \cdot 0.8"])
def test_an_answer_exactly_at_the_tolerance_is_right(answer: str) -> None:
    assert judge_box("1.5", answer, 0.1).right
    assert not judge_box("1.5", answer, 0.09).right


@pytest.mark.parametrize(
    "answers",
    [
        ("1/2", r"\frac12", r"\dfrac{1}{2}", "0.5", r"\frac 1 2", "x=1/2"),
        ("25", "025", " 25 ", "$25$", "25.", r"25\,", "\N{FULLWIDTH DIGIT TWO}5"),
        (r"(1, \dfrac{2}{3})", r"\left(1,\frac{2}{3}\right)", r"(1,\frac23)"),
        (r"\text{even}", "even", r"\textbf{even}"),
    ],
)
def test_equal_ordinary_answers_vote_together(answers: tuple[str, ...]) -> None:
    assert len({compute_vote_key(answer) for answer in answers}) == 1


def test_different_answers_vote_apart() -> None:
    answers = ["1/2", "2", "(1,2)", "[1,2]", "1,2", "x+1", "1 1/2", "11/2", r"2516_8", "2516"]
    assert len({compute_vote_key(answer) for answer in answers}) == len(answers)


def test_a_text_without_end_has_no_vote() -> None:
    assert compute_vote_key("1+" * 5_000) is None
