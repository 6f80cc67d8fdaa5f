import pytest

from analysis.claims.judge import judge_claim, judge_difference, judge_number

SMALL, LARGE = 0.01, 0.5  # p values: called, not called


@pytest.mark.parametrize(
    ("expect", "difference", "p", "equivalent", "word"),
    [
        ("more", 0.1, SMALL, LARGE, "supported"),
        ("more", -0.1, SMALL, LARGE, "contradicted"),
        ("more", 0.1, LARGE, SMALL, "equivalent"),
        ("more", 0.1, LARGE, LARGE, "inconclusive"),
        ("more", 0.01, SMALL, SMALL, "supported"),  # real, and smaller than the margin
        ("less", -0.1, SMALL, LARGE, "supported"),
        ("less", 0.1, SMALL, LARGE, "contradicted"),
        ("no more", -0.1, SMALL, LARGE, "supported"),
        ("no more", 0.1, SMALL, LARGE, "contradicted"),
        ("no more", 0.1, LARGE, SMALL, "supported"),
        ("no more", 0.1, LARGE, LARGE, "inconclusive"),
        ("no more", 0.01, SMALL, SMALL, "supported"),
        ("no less", 0.1, SMALL, LARGE, "supported"),
        ("no less", -0.1, SMALL, LARGE, "contradicted"),
        ("same", 0.0, LARGE, SMALL, "supported"),
        ("same", 0.1, SMALL, LARGE, "contradicted"),
        ("same", -0.1, SMALL, LARGE, "contradicted"),
        ("same", 0.01, SMALL, SMALL, "supported"),
        ("same", 0.1, LARGE, LARGE, "inconclusive"),
    ],
)
def test_the_word_of_a_part(expect, difference, p, equivalent, word):
    assert judge_difference(expect, 6, difference, p, equivalent) == word


@pytest.mark.parametrize("expect", ["more", "less", "no more", "no less", "same"])
def test_below_six_seeds_a_part_is_exploratory_whatever_its_numbers(expect):
    assert judge_difference(expect, 5, 0.1, SMALL, SMALL) == "exploratory"
    assert judge_number(5, SMALL, SMALL) == "exploratory"


@pytest.mark.parametrize(
    ("p", "equivalent", "word"),
    [
        (LARGE, SMALL, "supported"),
        (SMALL, SMALL, "supported"),
        (SMALL, LARGE, "contradicted"),
        (LARGE, LARGE, "inconclusive"),
    ],
)
def test_the_word_of_a_quoted_number(p, equivalent, word):
    assert judge_number(6, p, equivalent) == word


@pytest.mark.parametrize(
    ("parts", "word"),
    [
        (["supported", "supported"], "supported"),
        (["supported", "no runs"], "supported"),
        (["supported", "contradicted", "exploratory"], "contradicted"),
        (["supported", "equivalent"], "equivalent"),
        (["equivalent", "inconclusive"], "inconclusive"),
        (["inconclusive", "exploratory"], "exploratory"),
        (["no runs", "no runs"], "no runs"),
        ([], "no runs"),
    ],
)
def test_the_weakest_part_with_runs_gives_the_word_of_a_claim(parts, word):
    assert judge_claim(parts) == word
