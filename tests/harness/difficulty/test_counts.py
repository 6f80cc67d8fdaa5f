from __future__ import annotations

import csv
from io import StringIO

import pytest

from harness.common.schema import SchemaError
from harness.data.cache import Tier
from harness.data.catalog import Problem
from harness.evaluation.pass_rates import (
    count_correct,
    draw_difficulty_figure,
    read_pool,
    render_difficulty_csv,
    render_difficulty_markdown,
    select_by_pass_rate,
)
from harness.records.outcomes import TOO_LONG, Evaluation
from tests.harness.test_outcomes import EVALUATION

PROBLEMS = tuple(Problem(name, name, "1") for name in "cab")  # right 4, 1 and 0 times of 4
TIER = Tier(PROBLEMS, read_pool("arithmetic_easy", 1).card)


def without(name: str) -> Evaluation:
    rows = EVALUATION.frame()
    rows.loc[rows.problem_id == name, "reason"] = TOO_LONG
    return Evaluation.of(rows)


def test_prompts_are_counted_by_number_correct() -> None:
    found = count_correct("tier", "headline", EVALUATION)
    assert found.shares == pytest.approx((1 / 3, 1 / 3, 0, 0, 1 / 3))
    assert (found.rate.mean, found.asked, found.too_long) == (pytest.approx(5 / 12), 3, 0)


def test_a_prompt_that_was_never_asked_is_not_counted_as_wrong() -> None:
    found = count_correct("tier", "headline", without("b"))
    assert found.shares == pytest.approx((0, 1 / 2, 0, 0, 1 / 2))
    assert (found.rate.mean, found.asked, found.too_long) == (pytest.approx(5 / 8), 2, 1)


@pytest.mark.parametrize(
    ("low", "high", "kept"),
    [(0, 1, "cab"), (0.25, 1, "ca"), (0.25, 0.25, "a"), (0.1, 0.9, "a"), (0, 0, "b"), (0.3, 0.9, "")],
)
def test_a_cut_keeps_both_ends_and_the_order_of_the_tier(low: float, high: float, kept: str) -> None:
    assert "".join(problem.problem_id for problem in select_by_pass_rate(TIER, EVALUATION, low, high)) == kept


def test_a_cut_drops_what_was_never_asked() -> None:
    assert [problem.problem_id for problem in select_by_pass_rate(TIER, without("b"), 0, 1)] == ["c", "a"]


def test_the_tables_hold_every_share() -> None:
    counts = [count_correct("one", "first line of its card", EVALUATION), count_correct("other", "x", without("b"))]
    rows = list(csv.DictReader(StringIO(render_difficulty_csv(counts))))
    assert float(rows[0]["4/4"]) == pytest.approx(1 / 3)
    assert (rows[1]["problems"], rows[1]["too_long"], float(rows[1]["pass_rate"])) == ("2", "1", pytest.approx(5 / 8))
    page = render_difficulty_markdown("a model", counts, ["how it was sampled"])
    assert "| one | 3 | 0.333 | 0.333 | 0.000 | 0.000 | 0.333 | 0.417 ± 0.300 |" in page
    assert all(f"- {note}" in page for note in ("how it was sampled", "first line of its card"))
    assert "- other: prompts that are too long and were not sampled: 1" in page


def test_the_figure_has_a_bar_for_every_share_and_equal_bytes_for_equal_counts() -> None:
    counts = [count_correct("one", "", EVALUATION), count_correct("other", "", without("b"))]
    drawn = draw_difficulty_figure("a model", counts)
    assert drawn == draw_difficulty_figure("a model", counts)
    assert drawn["png"].startswith(b"\x89PNG")
    assert all(f"<!-- {right} -->" in drawn["svg"].decode() for right in range(5))  # the legend's texts


def test_a_larger_draw_of_arithmetic_holds_the_smaller_one() -> None:
    small, large = read_pool("arithmetic_medium", 20), read_pool("arithmetic_medium", 50)
    assert large.problems[:20] == small.problems
    assert len({problem.problem_id for problem in large.problems}) == 50
    assert (large.card.rows, large.card.headline) == (50, "arithmetic_medium: 50 problems of our own arithmetic")


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("paper_eazy", 5, "tier=paper_eazy: no such tier; did you mean 'paper_easy'?"),
        ("arithmetic_easy", None, "problems=all: arithmetic has no fixed size"),
    ],
)
def test_a_pool_that_cannot_be_is_refused(name: str, size: int | None, message: str) -> None:
    with pytest.raises(SchemaError, match=message.replace("?", r"\?")):
        read_pool(name, size)
