"""Mistakes of math-verify that are mended here. Each pair says why math-verify has it wrong, and that it still does."""

from __future__ import annotations

import pytest
from math_verify import parse, verify

from harness.verify.grader import judge_box, math_verify_agrees

ACCEPTED = [
    ("(1,2)", "1,2", "a pair counts as a list"),
    ("1,2", "(1,2)", "a list counts as an interval"),
    ("2516_8", "2516_9", "the base is dropped"),
    ("0.00000001", "0.00000002", "decimals are compared to six places"),
    ("-2,-2", "-2", "a list loses its repeated members"),
    ("16,3,1,1", "16,3,1", "a list loses its repeated members"),
    (r"\frac{37}{4} m", r"\frac{37}{4}", "a symbol at the end is dropped as a unit"),
    ("6m", "6", "a symbol at the end is dropped as a unit"),
    (r"5 \text{ m}", r"5 \text{ cm}", "every unit is dropped"),
]
REFUSED = [
    (r"\sqrt{1/n}", r"1/\sqrt n", "symbols may be negative"),
    ("4.5e33", r"4.5 \times 10^{33}", "e is read as a symbol or a constant"),
    (r"8.7 \times 10^{8}", "870000000", "one is a float, the other exact"),
    (r"\text{MR}=\text{SRMC}", "MR=SRMC", "words are no letters"),
    (r"m_{\max}=n^2-n-1", "n^2-n-1", "the name is unknown"),
]


def their_verdict(gold: str, answer: str) -> bool:
    wanted, given = (parse(rf"\boxed{{{text}}}", parsing_timeout=None) for text in (gold, answer))
    return bool(verify(wanted, given, timeout_seconds=None))


@pytest.mark.parametrize(("gold", "answer", "because"), ACCEPTED)
def test_a_wrong_answer_that_math_verify_accepts_is_refused(gold: str, answer: str, because: str) -> None:
    assert their_verdict(gold, answer), because
    assert not judge_box(gold, answer, None).right


@pytest.mark.parametrize(("gold", "answer", "because"), REFUSED)
def test_a_right_answer_that_math_verify_refuses_is_accepted(gold: str, answer: str, because: str) -> None:
    assert not their_verdict(gold, answer), because
    assert judge_box(gold, answer, None).right


@pytest.mark.parametrize(
    ("gold", "answer", "agrees"),
    [
        (r"\sum_{k=1}^{9} k", "45", True),
        (r"\sum_{k=1}^{9} k", "46", False),
        (r"\sum_{k=1}^{9} k", "x", False),
        (r"p \mid q", "q", False),
        (r"the sum of 1 and 2", "3", False),
    ],
)
def test_math_verify_is_asked_for_plain_expressions_only(gold: str, answer: str, agrees: bool) -> None:
    assert judge_box(gold, answer, None).reason == "gold_unreadable"
    assert math_verify_agrees(gold, answer) is agrees
