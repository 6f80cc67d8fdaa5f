"""Kinds of answers that were judged wrongly, each with its near misses."""

from __future__ import annotations

from typing import Final

import pytest

from harness.verify.grader import judge_box, math_verify_agrees
from harness.verify.model.verdict import REASONS
from tests.harness.verify import kinds_foreign, kinds_forms, kinds_near, kinds_texts, kinds_words

KINDS: Final = (kinds_words, kinds_forms, kinds_texts, kinds_near, kinds_foreign)


RIGHT: Final = [(kind, pairs) for module in KINDS for kind, pairs in module.RIGHT.items()]
WRONG: Final = [(kind, pairs) for module in KINDS for kind, pairs in module.WRONG.items()]


# A test a kind and not a pair: there are 1,600 pairs, and most take less than a test costs.
@pytest.mark.parametrize("pairs", [pairs for _, pairs in RIGHT], ids=[kind for kind, _ in RIGHT])
def test_right(pairs: list[tuple[str, str]]) -> None:
    assert pairs
    missed = []
    for gold, answer in pairs:
        opinion = judge_box(gold, answer, None)
        unread = opinion.reason == "gold_unreadable"
        if not (math_verify_agrees(gold, answer) if unread else opinion.right):
            missed.append((gold, answer, opinion.reason))
    assert missed == []


@pytest.mark.parametrize("pairs", [pairs for _, pairs in WRONG], ids=[kind for kind, _ in WRONG])
def test_wrong(pairs: list[tuple[str, str]]) -> None:
    assert pairs
    taken = []
    for gold, answer in pairs:
        opinion = judge_box(gold, answer, None)
        agrees = opinion.reason == "gold_unreadable" and math_verify_agrees(gold, answer)
        if opinion.right or agrees or not REASONS[opinion.reason].startswith("wrong"):
            taken.append((gold, answer, opinion.reason))
    assert taken == []


def test_each_kind_has_its_near_misses() -> None:
    for module in KINDS:
        assert module.RIGHT.keys() <= module.WRONG.keys() | {"counted"}
