"""Kinds of answers that were judged wrongly, each with its near misses."""

from __future__ import annotations

from typing import Final

import pytest

from harness.verify.grader import judge, math_verify_agrees
from harness.verify.model.verdict import REASONS
from tests.harness.verify import kinds_foreign, kinds_forms, kinds_near, kinds_texts, kinds_words

KINDS: Final = (kinds_words, kinds_forms, kinds_texts, kinds_near, kinds_foreign)


@pytest.mark.parametrize(
    ("gold", "answer"), [pair for module in KINDS for pairs in module.RIGHT.values() for pair in pairs]
)
def test_right(gold: str, answer: str) -> None:
    opinion = judge(gold, answer, None)
    unread = opinion.reason == "gold_unreadable"
    assert math_verify_agrees(gold, answer) if unread else opinion.right, opinion.reason


@pytest.mark.parametrize(
    ("gold", "answer"), [pair for module in KINDS for pairs in module.WRONG.values() for pair in pairs]
)
def test_wrong(gold: str, answer: str) -> None:
    opinion = judge(gold, answer, None)
    assert not opinion.right
    assert opinion.reason != "gold_unreadable" or not math_verify_agrees(gold, answer)
    assert REASONS[opinion.reason].startswith("wrong")


def test_each_kind_has_its_near_misses() -> None:
    for module in KINDS:
        assert module.RIGHT.keys() <= module.WRONG.keys() | {"counted"}
