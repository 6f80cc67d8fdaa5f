"""Text that reached a disk as the ``repr`` of a dataclass stays when the class is renamed."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pytest

from harness.common.text import spell_value
from harness.records.failures import classify_failure, describe_error
from tools.embedded_models.recipe import RECIPES, STAGES


@dataclass(frozen=True)
class Leaf:
    value: object


@dataclass(frozen=True)
class Branch:
    name: str
    parts: tuple[object, ...]


@pytest.mark.parametrize(
    "value",
    [
        Leaf(Fraction(1, 2)),
        Branch("mul", (Leaf(1.5), Branch("neg", (Leaf(None),)))),
        ("a", [Leaf(0), True], 3),
        (),
        [RECIPES["small"][stage] for stage in STAGES],
    ],
)
def test_it_is_what_repr_gives_while_names_are_the_same(value):
    names = {Leaf: "Leaf", Branch: "Branch", type(RECIPES["small"]["skill"]): "Stage"}
    names |= {type(RECIPES["small"]["skill"].mix): "Mix"}
    assert spell_value(value, names) == repr(value)


def test_the_names_that_are_given_stay():
    assert (
        spell_value((Branch("x", (Leaf(1),)),), {Leaf: "Old", Branch: "Tree"})
        == "(Tree(name='x', parts=(Old(value=1),)),)"
    )


def test_a_renamed_error_keeps_its_name_in_records():
    class NumbersRanAway(RuntimeError):
        recorded_as = "Diverged"

    class Heir(NumbersRanAway):
        pass

    assert describe_error(NumbersRanAway("step 3: the loss is nan")) == "Diverged: step 3: the loss is nan"
    assert describe_error(NumbersRanAway()) == "Diverged"
    assert classify_failure(describe_error(NumbersRanAway("x"))) == "arm"
    assert describe_error(Heir("x")) == "Heir: x"
