"""Every gold of the benchmarks, which this machine has outside of the repository."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise

import pytest

from harness.verify.grader import judge_box, read_gold
from harness.verify.model.verdict import Gold
from harness.verify.process_pool import Verifier
from tests.data_folder import data_folder

BENCHMARKS = ["math500", "olympiadbench", "minerva_math", "aime24", "aime25", "amc23", "gsm8k"]
UNREADABLE = {"olympiadbench/1965", "olympiadbench/2045"}  # a sentence, and an interval with a letter before it


def golds(benchmark: str) -> Iterator[tuple[str, str]]:
    text = (data_folder() / "eval" / f"{benchmark}.jsonl").read_text(encoding="utf-8")
    for row in map(json.loads, text.splitlines()):
        yield row["id"], row.get("answer_norm") or row["answer"]


def respelled(gold: str) -> str:
    """The same answer in another spelling, which text alone does not decide."""
    bare = gold.strip("$").rstrip(".").replace(r"\frac", r"\dfrac").replace("=", " = ")
    spaced = bare.replace("(", r"\left( ").replace(")", r" \right)")
    return rf"\displaystyle {{{spaced}}}"


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_every_gold_is_right_in_a_box(benchmark: str) -> None:
    pairs = [(Gold(gold), rf"so it is \boxed{{{gold}}}.") for _, gold in golds(benchmark)]
    with Verifier() as verifier:
        wrong = [
            gold.answer for (gold, _), verdict in zip(pairs, verifier.verify(pairs), strict=True) if not verdict.right
        ]
    assert wrong == []


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_every_gold_is_read_and_equal_to_itself_respelled(benchmark: str) -> None:
    unread = {name for name, gold in golds(benchmark) if read_gold(gold).shape is None}
    assert unread <= UNREADABLE
    read = [gold for name, gold in golds(benchmark) if name not in unread]
    assert [gold for gold in read if not judge_box(gold, respelled(gold), None).right] == []


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_different_golds_are_different(benchmark: str) -> None:
    shown = sorted({gold.strip("$") for _, gold in golds(benchmark) if any(mark in gold for mark in r"\+^(,")})
    equal = [pair for pair in pairwise(shown) if judge_box(*pair, None).right]
    assert all(sorted(one) == sorted(other) for one, other in equal)  # lists in another order at most
