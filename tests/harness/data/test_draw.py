from collections import Counter

import pytest

from harness.data.benchmarks import derive_uniform, shuffle_by_difficulty, shuffle_rows, sort_by_difficulty, take_rows
from harness.data.rows import DataRow


def row(number, difficulty=None, answer="3"):
    return DataRow(f"mine/{number}", "?", answer, difficulty)


ROWS = [row(number, difficulty=1 + number % 3) for number in range(60)]


def test_a_draw_is_fixed_for_every_machine():
    assert derive_uniform(42, "paper_easy", "gsm8k/train/0") == pytest.approx(0.1996013, abs=1e-6)


def test_another_seed_or_purpose_draws_otherwise():
    draws = {
        derive_uniform(42, "easy", "a"),
        derive_uniform(43, "easy", "a"),
        derive_uniform(42, "hard", "a"),
        derive_uniform(42, "easy", "b"),
    }
    assert len(draws) == 4


@pytest.mark.parametrize("order", [shuffle_rows, sort_by_difficulty, shuffle_by_difficulty])
def test_the_order_of_the_file_does_not_matter(order):
    assert order(ROWS, 1, "x") == order(ROWS[::-1], 1, "x")
    assert order(ROWS, 1, "x") != order(ROWS, 2, "x")


def test_easiest_first_goes_by_difficulty():
    difficulties = [found.difficulty for found in sort_by_difficulty(ROWS, 1, "x")]
    assert difficulties == sorted(difficulties)


def test_first_places_fall_in_proportion_to_difficulty():
    pair = [row("light", 1.0), row("heavy", 3.0)]
    first = Counter(shuffle_by_difficulty(pair, seed, "x")[0].row_id for seed in range(4000))
    assert first["mine/heavy"] / 4000 == pytest.approx(0.75, abs=0.03)  # four standard errors


def test_guessable_answers_are_passed_over_above_their_share():
    ordered = [row(number, answer="yes") for number in range(5)] + [row(number) for number in range(5, 50)]
    taken, passed = take_rows(ordered, 20, 0.1)
    assert [found.row_id for found in taken[:3]] == ["mine/0", "mine/1", "mine/5"]
    assert len(taken) == 20
    assert [found.row_id for found in passed] == ["mine/2", "mine/3", "mine/4"]


def test_the_share_holds_where_there_are_too_few_others():
    ordered = [row(number, answer="yes") for number in range(50)] + [row(number) for number in range(50, 59)]
    taken, _ = take_rows(ordered, 40, 0.1)
    assert len(taken) == 10
    assert sum(found.answer == "yes" for found in taken) == 1


def test_all_or_none_may_be_guessable():
    ordered = [row(0, answer="yes"), row(1)]
    assert len(take_rows(ordered, 2, 1.0)[0]) == 2
    assert [found.row_id for found in take_rows(ordered, 2, 0.0)[0]] == ["mine/1"]
