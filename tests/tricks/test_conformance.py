"""Every trick keeps the contract, and every clause of it has a bad trick that only this clause catches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

import pytest

from tests.tricks.bad_tricks import BAD
from tricks.api import TrickSpec
from tricks.catalog import BUILT_IN_TRICKS
from tricks.conformance import CLAUSES, check_trick, find_violations
from tricks.settings import read_field_types


def variations() -> Iterator[Any]:
    """Each class with each of its words, switches and counts set to each of its options.

    The default tier checks the last option of each setting; the others are slow.
    """
    first = {spec.cls: spec for spec in reversed(BUILT_IN_TRICKS)}
    for spec in first.values():
        for name, kind in read_field_types(spec.cls).items():
            for option in (found := options(kind)):
                varied = TrickSpec(spec.name, spec.cls, "nowhere", "varied", {**spec.settings, name: option})
                marks = () if option == found[-1] else pytest.mark.slow
                yield pytest.param(varied, marks=marks, id=repr(varied.cls(**varied.settings)))


def options(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    if get_origin(kind) is ClassVar:
        return ()
    parts = get_args(kind)[:1] if get_origin(kind) is Annotated else get_args(kind)
    return tuple(option for part in parts for option in options(part)) or {bool: (True, False), int: (3,)}.get(kind, ())


@pytest.mark.parametrize("spec", BUILT_IN_TRICKS, ids=lambda spec: spec.name)
def test_every_trick_keeps_the_contract(spec: TrickSpec) -> None:
    check_trick(spec)


@pytest.mark.parametrize("spec", list(variations()))
def test_every_choice_of_a_setting_keeps_the_contract(spec: TrickSpec) -> None:
    check_trick(spec)


def test_every_clause_has_its_bad_trick() -> None:
    assert list(BAD) == list(CLAUSES)


@pytest.mark.parametrize(("clause", "cls"), BAD.items(), ids=BAD)
def test_a_bad_trick_breaks_its_clause_and_no_other(clause: str, cls: type[Any]) -> None:
    found = find_violations(TrickSpec("bad", cls, "nowhere", "broken on purpose"))
    assert [violation.clause for violation in found] == [clause]


def test_check_names_trick_clause_hook_and_batch() -> None:
    with pytest.raises(AssertionError, match=r"^bad: order: advantages on usual depends on the order of samples$"):
        check_trick(TrickSpec("bad", BAD["order"], "nowhere", "broken on purpose"))
