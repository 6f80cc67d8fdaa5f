from __future__ import annotations

import random

import pytest

from harness.data.synthetic import DIFFICULTIES, OperandChain, sample_chain
from tests.harness.problems.chains import parse


def test_a_chain_is_worked_from_left_to_right() -> None:
    chain = OperandChain(8, (("*", 9), ("-", 12)))
    assert chain.running_values() == (8, 72, 60)
    assert chain.expression == "8*9-12"
    assert chain.value == 60


def test_the_canonical_form_reads_back() -> None:
    rng = random.Random(1)
    for difficulty in DIFFICULTIES:
        for _ in range(200):
            chain = sample_chain(difficulty, rng)
            assert parse(chain.expression) == chain


@pytest.mark.parametrize("text", ["", "8*", "-3+2", "8 + 9", "8/2", "__import__('os')"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a chain"):
        parse(text)


def test_the_split_is_the_same_in_every_process() -> None:
    # Fixed by the hash of the text, not by Python's own, which differs from process to process.
    assert [operand for operand in range(2, 10) if OperandChain(2, (("*", operand),)).for_evaluation()] == [4, 5]


def test_one_expression_in_eight_is_kept_for_evaluation() -> None:
    rng = random.Random(2)
    kept = [sample_chain("hard", rng).for_evaluation() for _ in range(8000)]
    assert 0.11 < sum(kept) / len(kept) < 0.14
