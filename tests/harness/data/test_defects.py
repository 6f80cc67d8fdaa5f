import pytest

from harness.data.catalog import Problem
from harness.data.defects import (
    explain_no_answer,
    find_contradictions,
    find_doubtful,
    is_answer_stated,
    is_misread,
    is_picture_missing,
    is_same_gold,
)
from harness.data.rows import DataRow


@pytest.mark.parametrize(
    "gold",
    [
        *("Proof", "proof.", r"\text{Proof}", "Proof omitted", "[Proof]", "$\\text{Proof}$", "Proved", "Q.E.D.", "QED"),
        *("see solution", "See the solution above.", r"\text{see proof}", "Refer to the explanation", "see figure 3"),
        *("None", "null", "NaN", "nan", "N/A", "NA", "answers may vary", "The answer is not given", "Solution", "TBD"),
        *("No answer provided", "not available", "solution omitted", "unknown", "The proof is left to the reader"),
    ],
)
def test_a_gold_that_is_no_answer_is_told(gold):
    assert explain_no_answer(gold) is not None


@pytest.mark.parametrize(
    "gold",
    [
        *("5", "0", "x", r"\text{None}", "none", r"\text{no solution}", "No solution", r"\text{does not exist}", "yes"),
        *("no", "True", "A", r"\emptyset", r"\text{undefined}", r"\text{impossible}", "proof of 40", "n", "i", "e"),
        *("Na", "ln 2", r"\text{proper}", "Sea", "none of these", r"\infty", "-", "?", "", "See-saw"),
    ],
)
def test_a_gold_that_may_be_an_answer_is_kept(gold):
    assert explain_no_answer(gold) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1/2", "0.5"),
        (r"\frac12", "0.50"),
        (r"7-2\pi", r"7 - 2 \pi"),
        ("2340", r"\mathbf{2340}"),
        ("b=4", "4"),
        (r"\text{(A)}", "A"),
        ("3,4", "4, 3"),
        (r"\sqrt8", r"2\sqrt{2}"),
        (r"10\%", "0.1"),
        (r"5\text{ cm}", "5"),
        ("[unreadable", "[unreadable"),
    ],
)
def test_golds_of_one_value_are_the_same(one, other):
    assert is_same_gold(one, other)
    assert is_same_gold(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("11", "44"), (r"\text{(A)}", r"\text{(E)}"), ("1/2", "2"), ("(1,2)", "(2,1)"), ("x+1", "x-1"), ("5+*", "6+*")],
)
def test_golds_of_other_values_are_not(one, other):
    assert not is_same_gold(one, other)
    assert not is_same_gold(other, one)


def test_rows_of_several_sources_are_compared():
    rows = [
        DataRow("mine/1", "What is $2+2$ ?", "4"),
        DataRow("theirs/1", "what is \\(2 + 2\\)", "5"),
        DataRow("mine/2", "What is $2+3$?", "5"),
        DataRow("theirs/2", "What is $2 + 3$?", "5.0"),
    ]
    assert find_contradictions(rows) == {"mine/1": "theirs/1", "theirs/1": "mine/1"}
    assert find_contradictions(reversed(rows)) == find_contradictions(rows)


def test_of_three_rows_each_names_one_that_it_contradicts():
    rows = [DataRow(name, "What is $2+2$?", gold) for name, gold in (("a", "4"), ("b", "4.0"), ("c", "5"))]
    assert find_contradictions(rows) == {"a": "c", "b": "c", "c": "a"}


@pytest.mark.parametrize(
    ("asked", "gold"),
    [
        ("Find the smallest prime above one hundred. The answer is 101.", "101"),
        ("Find $x$. Answer: $\\frac{1}{2}$", r"\frac{1}{2}"),
        ("Find $x$. (The answer is $\\boxed{7}$.)", "7"),
        ("Evaluate the integral. The expected result is 0.0128.", "0.0128"),
        ("101", "101"),
        ("$x^2$", "x^2"),
        ("Verify that $I = \\ln|\\ln|x|| + C$ is the integral.", r"\ln|\ln|x|| + C"),
    ],
)
def test_a_statement_that_gives_its_gold_away_is_told(asked, gold):
    assert is_answer_stated(asked, gold)


@pytest.mark.parametrize(
    ("asked", "gold"),
    [
        ("Tom has 2 apples and buys 2 more. How many has he gained?", "2"),
        ("In the year 2015, find the remainder of 2015 modulo 2016.", "2015"),
        ("The answer is 1012 times as large. Find it.", "101"),
        ("The answer is 7.5 at most. Find it.", "7"),
        ("Does it converge? Answer yes or no.", "Yes"),
        ("Which is it? (A) $x+1+\\sqrt{5}$ (B) $x-1$ (C) $2$", r"x+1+\sqrt{5}"),
        ("Which is it? \\textbf{(A)}\\ 5 \\textbf{(B)}\\ 6. The answer is A", "A"),
        ("Express the answer as a fraction.", "a"),
        ("How many digits has 12345678901234567890?", "12345678901234567890"),
        ("What is it?", ""),
    ],
)
def test_a_gold_that_stands_in_a_statement_by_accident_is_not(asked, gold):
    assert not is_answer_stated(asked, gold)


@pytest.mark.parametrize(
    "text", ["Ren\u00c3\u00a9", "Janet\u00e2\u20ac\u2122s", "90\u00c2\u00b0", "a \ufffd b", "\u00c3\u2014 5"]
)
def test_mojibake_is_told(text):
    assert is_misread(text)


@pytest.mark.parametrize(
    "text",
    [
        "Ren\u00e9",
        "S\u00e3o",
        "90\u00b0",
        "\u00c9t\u00e9",
        "Janet\u2019s",
        "\u00c5 \u00c4\u00d6",
        "\u00c2ge",
        "2 \u00d7 3",
        "\u4e2a",
    ],
)
def test_text_in_the_right_encoding_is_not(text):
    assert not is_misread(text)


@pytest.mark.parametrize(
    "asked",
    [
        "Find the area. ![](https://example.org/x.png)",
        "In the figure below, find $x$.",
        "As shown in the diagram, $AB = 3$.",
        'Find $x$ in <img src="a.png">.',
        "\\includegraphics{a}",
        "The graph shown has how many edges?",
        "See the diagram at the right: what is the area of the picture shown above?",
    ],
)
def test_a_problem_that_speaks_of_a_picture_needs_one(asked):
    assert is_picture_missing(asked)


@pytest.mark.parametrize(
    "asked",
    [
        "In the figure below, find $x$. [asy]draw(0);[/asy]",
        "In the diagram of a functor, find the limit.",
        "Find the image of the map and the area of the picture frame.",
        "A figure has five sides. How many diagonals?",
        "Read \\begin{tabular}{c} 1 \\end{tabular} shown above.",
    ],
)
def test_a_problem_with_its_drawing_or_without_a_picture_does_not(asked):
    assert not is_picture_missing(asked)


def test_nothing_is_said_where_nothing_is_doubtful():
    assert find_doubtful([Problem("a", "What is $2+2$?", "4", "math")]) == {}
