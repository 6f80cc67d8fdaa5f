import pytest

from harness.data.answers import classify_answer, find_answer_fault, is_empty, is_guessable


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("12", "integer"),
        ("-7", "integer"),
        ("$1{,}080$", "integer"),
        ("1,080", "integer"),
        ("0.25", "decimal"),
        (".5", "decimal"),
        ("\\frac{3}{4}", "fraction"),
        ("-\\dfrac34", "fraction"),
        ("7/9", "fraction"),
        ("\\frac{\\pi}{4}", "expression"),
        ("2\\sqrt{3}", "expression"),
        ("x^2+1", "expression"),
        ("\\pi", "expression"),
        ("(x+1)(x-2)", "expression"),
        ("(x+1)", "expression"),
        ("\\left(3, \\frac{\\pi}{2}\\right)", "tuple"),
        ("(1,2,3)", "tuple"),
        ("[0,1)", "interval"),
        ("[0,1]", "interval"),
        ("(3,\\infty)", "interval"),
        ("(-\\infty,0)\\cup(1,2)", "interval"),
        ("1,2", "list"),
        ("$1$, $2$ and 3", "list"),
        ("\\{1,2\\}", "list"),
        ("\\text{Friday}", "text"),
        ("no solution", "text"),
        ("Yes", "boolean"),
        ("\\text{false}", "boolean"),
        ("B", "option letter"),
        ("\\textbf{(C)}", "option letter"),
        ("x", "expression"),
    ],
)
def test_kinds(answer, expected):
    assert classify_answer(answer) == expected


def test_what_can_be_guessed():
    assert [answer for answer in ("True", "no", "(A)", "x", "0", "Friday") if is_guessable(answer)] == [
        "True",
        "no",
        "(A)",
    ]


@pytest.mark.parametrize("answer", ["", "  ", "$ $", "\\text{}", "\\, "])
def test_empty_answers(answer):
    assert is_empty(answer)


@pytest.mark.parametrize("answer", ["\\frac{1}{2", "1}", "}{", "\\left(1,2)", "???", "$$.$$"])
def test_answers_that_no_one_can_read(answer):
    assert find_answer_fault(answer) is not None


@pytest.mark.parametrize("answer", ["\\{1\\}", "\\left[0,1\\right)", "\\infty", "∅", "0", "\\leftarrow"])
def test_answers_that_can_be_read(answer):
    assert find_answer_fault(answer) is None
