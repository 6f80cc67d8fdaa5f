from __future__ import annotations

import pytest

from harness.rewards.judges import is_correct, judge_integer


@pytest.mark.parametrize(
    "response", [r"8*9=72;\boxed{72}", r"\boxed{ 72 }", r"\boxed{1};wait;\boxed{72}", r"\boxed{072}"]
)
def test_the_last_box_decides(response: str) -> None:
    assert is_correct(response, "72")


@pytest.mark.parametrize(
    "response",
    [
        "",
        "72",
        r"\boxed{}",
        r"\boxed{72};\boxed{1}",
        r"\boxed{72};no;\boxed{7",
        r"\boxed{72};\boxed",
        r"\boxed{72",
        r"\boxed{8*9}",
        r"\boxed{72.0}",
        r"\boxed{7 2}",
        r"\boxed{-72}",
        r"\boxed{" + "9" * 100_000 + "}",
        "\\boxed{" * 50_000,
        r"\boxed{__import__('os')}",
    ],
)
def test_anything_but_the_integer_is_wrong(response: str) -> None:
    assert not is_correct(response, "72")


@pytest.mark.parametrize(
    ("response", "formatted"),
    [
        (r"\boxed{72}", True),
        (r"so it is \boxed{ -3 }.", True),
        (r"\boxed{8*9};\boxed{1}", True),
        (r"\boxed{1};\boxed{8*9}", False),
        (r"\boxed{}", False),
        ("72", False),
        ("", False),
    ],
)
def test_an_answer_is_in_form_where_the_last_box_holds_an_integer_right_or_wrong(
    response: str, formatted: bool
) -> None:
    assert (judge_integer(response, "72").answer is not None) is formatted


def test_equal_integers_vote_together_however_they_are_written() -> None:
    assert {judge_integer(rf"\boxed{{{given}}}", "5").answer for given in ("72", "072", " 72 ")} == {"72"}


def test_an_open_last_box_earns_what_the_setting_says() -> None:
    response = r"\boxed{72};no;\boxed{7"
    assert judge_integer(response, "72").reason == "open_box"
    assert judge_integer(response, "72", open_box="ignored").right
    assert (
        judge_integer(r"\boxed{7", "7").reason == judge_integer(r"\boxed{7", "7", open_box="ignored").reason == "no_box"
    )
