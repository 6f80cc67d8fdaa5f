from __future__ import annotations

import pytest

from harness.verify.model.verdict import Gold, Judgment, find_last_box, read_boxes
from harness.verify.process_pool import Verifier


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
        ("\\boxed{5 % the answer\n}", "5 \n"),
        ("\\boxed{% so it is\n5}", "\n5"),
        ("\\boxed{50%\n}", "50%\n"),
        ("\\boxed{50 % \n}", "50 % \n"),
        ("\\boxed{5 \\% of it\n}", "5 \\% of it\n"),
        (r"\boxed{5 % of it}", "5 % of it"),
    ],
)
def test_the_box_that_closes_last_decides(response: str, held: str) -> None:
    assert find_last_box(response) == held


@pytest.mark.parametrize("response", ["", "7", r"\boxed", r"\boxed 7", r"\boxed{7", r"\fbox{7}", "boxed{7}"])
def test_nothing_else_is_a_box(response: str) -> None:
    assert find_last_box(response) is None


@pytest.mark.parametrize("piece", ["{", "}", "\\boxed{", "\\", "\\boxed{1}", "a", "\\{"])
def test_many_pieces_are_read(piece: str) -> None:
    assert find_last_box(piece * 300_000 + r"} \boxed{2}") == "2"


OPEN = [
    r"\boxed{5} but hold on, \boxed{",
    r"\boxed{5} no wait \boxed{7",
    r"\boxed{5} so, once more, \boxed{5",
    r"\boxed{5} or \boxed{\frac{10}{2}",
    r"\boxed{5} or \boxed{\text{five }",
    r"\boxed{5} or \boxed{\{5\}",
    r"\boxed{5}, \boxed{5}, \boxed {",
    r"\boxed{5} that is \\boxed{5",
    r"\boxed{5} and \boxed",
    "\\boxed{5} and \\boxed \n",
    r"<think>\boxed{5}</think> The answer is \boxed{5",
    r"\boxed{5} <think> or \boxed{7 </think>",
    r"\boxed{5} } \boxed{7 {",
    r"\boxed{5 } { \boxed{7",
    r"\boxed{\boxed{5}} \boxed{",
]
CLOSED = [
    r"\boxed{5}",
    r"\boxed{7 no wait \boxed{5}",
    r"\boxed{7 \boxed{8 \boxed{5}",
    r"\boxed{7 and \boxed{1} and \boxed{5}",
    r"\boxed{5} {7",
    r"\boxed{5} \fbox{7",
    r"\boxed{5} \boxed 7",
    r"\boxed{5} \boxed\{7",
    r"\boxed{5} \boxed.",
    r"\boxed{5} in a \text{boxed{",
    r"<think>\boxed{7 </think> \boxed{5}",
    r"{\boxed{5}",
    "\\boxed{5 % the answer\n}",
]


@pytest.fixture(scope="module")
def verifier():
    with Verifier() as made:
        yield made


@pytest.mark.parametrize("response", OPEN)
def test_a_last_box_that_is_left_open_is_wrong_whatever_it_holds(response: str, verifier: Verifier) -> None:
    assert read_boxes(response).left_open
    for gold in ("5", "7"):
        assert verifier.verify([(Gold(gold), response)]) == [Judgment(right=False, reason="open_box", answer=None)]


@pytest.mark.parametrize("response", OPEN)
def test_by_the_old_rule_the_last_complete_box_counts(response: str, verifier: Verifier) -> None:
    found = verifier.verify([(Gold("5"), response), (Gold("7"), response)], open_box="ignored")
    assert [verdict.right for verdict in found] == [True, False]


@pytest.mark.parametrize("response", CLOSED)
@pytest.mark.parametrize("rule", ["wrong", "ignored"])
def test_a_last_box_that_is_complete_counts_by_either_rule(response: str, rule: str, verifier: Verifier) -> None:
    assert not read_boxes(response).left_open
    assert [verdict.right for verdict in verifier.verify([(Gold("5"), response)], open_box=rule)] == [True]


@pytest.mark.parametrize("response", ["", "5", r"\boxed{5", r"\boxed{5 \boxed{", r"\boxed", r"\boxed{ \boxed{5"])
@pytest.mark.parametrize("rule", ["wrong", "ignored"])
def test_a_response_without_a_complete_box_has_no_box(response: str, rule: str, verifier: Verifier) -> None:
    assert verifier.verify([(Gold("5"), response)], open_box=rule)[0].reason == "no_box"


@pytest.mark.parametrize("piece", [" %", " %a", " %a\n", "% ", "\n", "\\boxed", "\\boxed "])
def test_a_box_of_many_pieces_is_read_in_linear_time(piece: str) -> None:
    assert read_boxes("\\boxed{" + piece * 300_000 + "}").last is not None
