from __future__ import annotations

import pytest

from harness.verify.boxes import last_box


@pytest.mark.parametrize(
    ("response", "held"),
    [
        (r"so \boxed{7}", "7"),
        (r"\boxed {7}", "7"),
        (r"\boxed{1} no, \boxed{2}", "2"),
        (r"\boxed{1} and then \boxed{2", "1"),
        (r"\boxed{1 and then \boxed{2}", "2"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"\boxed{\left\{ 1 \right.}", r"\left\{ 1 \right."),
        (r"\boxed{x=\boxed{2}}", "x={2}"),
        (r"\boxed{1} } } {", "1"),
        ("\\boxed{a\nb}", "a\nb"),
        (r"\boxed{3} \boxed{}", ""),
        (r"{{ \boxed{3}", "3"),
        (r"\\boxed{3}", "3"),
        (r"\boxed{2} \\boxed{3}", "3"),
        (r"x=3 \\\boxed{3}", "3"),
    ],
)
def test_the_box_that_closes_last_decides(response: str, held: str) -> None:
    assert last_box(response) == held


@pytest.mark.parametrize("response", ["", "7", r"\boxed", r"\boxed 7", r"\boxed{7", r"\fbox{7}", "boxed{7}"])
def test_nothing_else_is_a_box(response: str) -> None:
    assert last_box(response) is None


@pytest.mark.parametrize("piece", ["{", "}", "\\boxed{", "\\", "\\boxed{1}", "a", "\\{"])
def test_many_pieces_are_read(piece: str) -> None:
    assert last_box(piece * 300_000 + r"} \boxed{2}") == "2"
