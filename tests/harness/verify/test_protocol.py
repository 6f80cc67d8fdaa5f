"""The protocol of docs/evidence/verifier.md, point by point: pairs of a gold and the content of a box."""

from __future__ import annotations

import pytest

from harness.verify.grader import judge_box
from harness.verify.model.verdict import REASONS
from tests.harness.verify.protocol import RIGHT, WRONG


@pytest.mark.parametrize("point", RIGHT)
def test_right(point: str) -> None:
    assert RIGHT[point]
    reasons = {(gold, answer): judge_box(gold, answer, None).reason for gold, answer in RIGHT[point]}
    assert {pair: reason for pair, reason in reasons.items() if reason != "equal"} == {}


@pytest.mark.parametrize("point", WRONG)
def test_wrong(point: str) -> None:
    assert WRONG[point]
    opinions = {(gold, answer): judge_box(gold, answer, None) for gold, answer in WRONG[point]}
    taken = {pair for pair, found in opinions.items() if found.right or not REASONS[found.reason].startswith("wrong")}
    assert taken == set()


@pytest.mark.parametrize(
    ("gold", "answer", "reason"),
    [
        ("5", "6", "different"),
        ("5", "5, 6", "other_form"),
        (r"5 \text{ m}", r"5 \text{ cm}", "other_unit"),
        ("10", r"10\%", "other_unit"),
        ("2516_8", "2517", "other_base"),
        ("5", "x", "stray_symbol"),
        ("5", "print(5)", "stray_symbol"),
        ("5", "5 #", "unreadable"),
        ("5", "1+" * 3_000 + "1", "too_long"),
        ("5", "(" * 100 + "5" + ")" * 100, "too_deep"),
        ("5", "9^{9^{9^9}}", "too_large"),
        ("5", "10000000!", "too_large"),
        ("5", "1e999999999", "too_large"),
        ("5", "2^61e9", "too_large"),
        ("5", r"\sin(10^{400})", "too_large"),
        (r"\mathbb{Z} \oplus \mathbb{Z}", "5", "gold_unreadable"),
    ],
)
def test_a_wrong_answer_has_its_reason(gold: str, answer: str, reason: str) -> None:
    assert judge_box(gold, answer, None).reason == reason


def test_a_tolerance_is_the_only_leniency() -> None:
    assert judge_box(r"3.14", r"\pi", 0.1).right
    assert not judge_box(r"3.14", r"\pi", 0.001).right
    assert not judge_box(r"3.14", r"\pi", None).right


def test_a_verdict_is_the_same_every_time() -> None:
    pairs = [(r"\sin^2 t", r"1-\cos^2 t"), ("x^2", "2^x"), (r"\lfloor n/2 \rfloor", r"\lceil (n-1)/2 \rceil")]
    first = [judge_box(gold, answer, None) for gold, answer in pairs]
    assert first == [judge_box(gold, answer, None) for gold, answer in pairs]
    assert [opinion.right for opinion in first] == [True, False, True]
