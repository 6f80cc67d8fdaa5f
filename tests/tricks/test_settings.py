from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, Literal

import pytest

from tricks.aggregation import ConstantLength
from tricks.catalog import BUILT_IN_TRICKS
from tricks.settings import (
    describe_setting,
    describe_type,
    format_value,
    is_of_type,
    make_trick,
    read_field_types,
    suggest,
)
from tricks.surrogates import Clip


def test_settings_make_a_trick() -> None:
    made = make_trick("clip", Clip, {"clip_ratio_high": 0.28, "dual_clip": 3.0, "log_ratio_bound": None})
    assert made == Clip(clip_ratio_high=0.28, dual_clip=3.0, log_ratio_bound=None)


def test_a_whole_number_for_a_float_becomes_one_so_that_both_name_one_cell() -> None:
    made = make_trick("clip", Clip, {"clip_ratio_high": 1, "dual_clip": 3})
    assert repr(made) == repr(Clip(clip_ratio_high=1.0, dual_clip=3.0))


def test_a_whole_number_stays_one_where_one_is_meant() -> None:
    assert repr(make_trick("constant_length", ConstantLength, {"length": 7})) == repr(ConstantLength(7))


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (float, [1, 0.5, float("inf")], [True, "1", None, float("nan")]),
        (int, [1], [1.0, True, "1", None]),
        (bool, [True, False], [1, 0, "true", None]),
        (str, ["a"], [1, None]),
        (float | None, [1, None], ["none", True]),
        (Literal["a", 1], ["a", 1], ["b", True, 1.0]),
        (int | Literal["limit"], [3, "limit"], ["3", 3.0]),
        (Annotated[float | None, "what it means"], [1.0, None], ["1"]),
        (tuple[int, ...], [(1,), "anything"], []),
    ],
)
def test_a_type_accepts_what_it_says(kind: Any, right: list[Any], wrong: list[Any]) -> None:
    assert [value for value in right if not is_of_type(kind, value)] == []
    assert [value for value in wrong if is_of_type(kind, value)] == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (float, "a number"),
        (float | None, "a number or null"),
        (int | Literal["limit", "padded"], "a whole number or limit or padded"),
        (Annotated[bool, "why"], "true or false"),
        (str, "a word"),
    ],
)
def test_a_type_is_said_in_words(kind: Any, said: str) -> None:
    assert describe_type(kind) == said


@pytest.mark.parametrize(
    ("name", "offer"),
    [
        ("cliphigher", "did you mean 'clip_higher'?"),
        ("epsilon", "did you mean 'eps'?"),
        ("eps_", "did you mean 'eps'?"),
        ("zzz", "known: clip, clip_higher, eps, precision"),
    ],
)
def test_the_nearest_name_is_offered_or_all_of_them(name: str, offer: str) -> None:
    assert suggest(name, ["precision", "eps", "clip", "clip_higher"]) == offer
    assert suggest("any", []) == "known: none"


def test_values_are_written_as_in_a_file() -> None:
    assert [format_value(value) for value in (None, True, False, 0.5, "limit")] == [
        "null",
        "true",
        "false",
        "0.5",
        "'limit'",
    ]


@pytest.mark.parametrize("spec", BUILT_IN_TRICKS, ids=lambda spec: spec.name)
def test_every_setting_says_what_it_means_and_has_a_default_of_its_type(spec: Any) -> None:
    for field in fields(spec.cls):
        kind = read_field_types(spec.cls)[field.name]
        assert describe_setting(kind)
        assert is_of_type(kind, field.default)
    assert make_trick(spec.name, spec.cls, spec.settings) == spec.cls(**spec.settings)
