import pytest

from harness.data.wording import drawings, join_tokens, ngrams, tokenize_statement

PLAIN = "What is the smallest value of $\\frac{x}{2} + 1$ for $x \\le 3$?"


def said(statement):
    return join_tokens(tokenize_statement(statement))


@pytest.mark.parametrize(
    "paraphrase",
    [
        "What  is the smallest value\nof $ \\frac{x}{2}+1 $ for $x\\le 3$ ?",
        "what is the smallest value of \\(\\dfrac{x}{2} + 1\\) for \\(x \\leq 3\\)",
        "What is the smallest value of $$\\left(\\tfrac{x}{2} + 1\\right)$$ for $x ≤ 3$.",
        "What is the smallest value of $x/2 + 1$ for $x \\le 3$?",
        "What is the \\textbf{smallest} value of $\\frac{x}{2}\\, + 1$ for $x\\;\\le\\;3$?",
        "What is the smallest value of $\\frac{x}{2} + 1$ for $x \\le 3$? [asy]draw((0,0)--(1,1));[/asy]",
    ],
)
def test_typography_and_drawings_do_not_matter(paraphrase):
    assert said(paraphrase) == said(PLAIN)


@pytest.mark.parametrize(
    "other",
    [
        PLAIN.replace("3", "4"),
        PLAIN.replace("+", "-"),
        PLAIN.replace("\\le", "\\ge"),
        PLAIN.replace("smallest", "largest"),
        PLAIN.replace("{2}", "{0.2}"),
    ],
)
def test_numbers_signs_and_words_matter(other):
    assert said(other) != said(PLAIN)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("triangle $A B C$", "triangle $ABC$"),
        ("$x^2$", "$x²$"),
        ("$10^{12}$ and", "$10^12$ and"),
        ("1,000,000 apples", "$1{,}000{,}000$ apples"),
        ("$3 \\times 4$", "3 \u00d7 4"),
        ("Ann\u2019s hat", "Ann's hat"),
        ("a $45^{\\circ}$ angle", "a 45° angle"),
    ],
)
def test_two_ways_to_write_one_thing(first, second):
    assert said(first) == said(second)


@pytest.mark.parametrize(("first", "second"), [("$2^{10}$", "$210$"), ("3.5", "35"), ("1 23", "12 3"), ("1,50", "150")])
def test_numbers_stay_apart(first, second):
    assert said(first) != said(second)


def test_ngrams_are_four_tokens_in_a_row():
    assert ngrams(("a", "b", "c", "d", "e")) == {("a", "b", "c", "d"), ("b", "c", "d", "e")}
    assert ngrams(("a", "b")) == {("a", "b")}


def test_drawings_are_kept_apart_from_the_words():
    assert drawings("Find x. [asy]draw( (0,0) );[/asy]") == "[asy]draw((0,0));[/asy]"
    assert drawings("Find x.") == ""
