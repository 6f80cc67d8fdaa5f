import numpy as np
import pytest

from analysis.curves.equal_cost import area, compare_at_equal_cost, compute_level
from analysis.stats.contrasts import Contrast
from tests.analysis.trajectory.curves import course

CONTRAST = Contrast(arm=1, baseline=0, family="primary", metric="final/accuracy")


def test_an_arm_that_learns_twice_as_fast_at_twice_the_tokens_gains_nothing_by_token():
    # Both learn 0.001 a token. The arm's steps take 20 tokens and the baseline's 10, so at equal steps it is ahead.
    # 41 steps each: the baseline ends at 400 tokens, where the arm has made 20 steps.
    # Last five at equal steps: arm at 36 ... 40 steps, mean 38 * 0.02; baseline 38 * 0.01: ahead by 0.38.
    # Last five within 400 tokens: arm at 16 ... 20 steps, 18 * 0.02 = 0.36; baseline 38 * 0.01 = 0.38.
    arm, baseline = (course([rate * step for step in range(41)], rate * 1000) for rate in (0.02, 0.01))
    found = compare_at_equal_cost({0: {0: baseline, 1: baseline}, 1: {0: arm, 1: arm}}, CONTRAST)
    assert found.steps.budget == 40
    assert found.steps.accuracy.mean == pytest.approx(0.38)
    assert found.tokens.budget == 400
    assert found.tokens.accuracy.mean == pytest.approx(-0.02)
    assert found.tokens.area.mean == pytest.approx(0)  # the same curve over tokens
    assert found.tokens.ratio.mean == pytest.approx(2)
    assert found.seconds is None


def test_the_budget_is_what_all_paired_runs_reached():
    # Seed 9 of the baseline has no partner, and its two steps do not count.
    long, short = course([0.5] * 10), course([0.5] * 7)
    found = compare_at_equal_cost({0: {0: long, 1: long, 9: course([0.5] * 2)}, 1: {0: long, 1: short}}, CONTRAST)
    assert found.steps.budget == 6
    assert found.steps.accuracy.n == 2


def test_seeds_that_did_not_count_their_tokens_are_in_no_comparison_by_token():
    counted, older = course([0.1, 0.2], tokens=10), course([0.1, 0.2])
    found = compare_at_equal_cost({0: {0: counted, 1: counted}, 1: {0: counted, 1: older}}, CONTRAST)
    assert (found.steps.accuracy.n, found.tokens.accuracy.n) == (2, 1)


def test_without_a_common_seed_there_is_nothing_to_compare():
    found = compare_at_equal_cost({0: {0: course([0.1])}, 1: {1: course([0.1])}}, CONTRAST)
    assert (found.steps, found.tokens, found.seconds) == (None, None, None)


def test_runs_of_one_step_have_cost_nothing_and_have_no_ratio():
    found = compare_at_equal_cost({0: {0: course([0.1], 10)}, 1: {0: course([0.3], 10)}}, CONTRAST)
    assert found.tokens.accuracy.mean == pytest.approx(0.2)
    assert found.tokens.ratio is None


def test_the_area_under_a_straight_line_is_its_middle():
    line = course(np.linspace(0.2, 0.6, 9), tokens=10)
    assert area(line, "steps") == pytest.approx(0.4)
    assert area(line, "tokens", 40) == pytest.approx(0.3)  # from 0.2 to 0.4
    assert area(line, "tokens", 45) == pytest.approx(0.3125)  # to 0.425, between two points


def test_the_level_is_the_mean_of_the_last_five_within_the_budget():
    steps = course([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.9])
    assert compute_level(steps, "steps", 5) == pytest.approx(0.3)  # 0.1 ... 0.5
    assert compute_level(steps, "steps", 1) == pytest.approx(0.05)  # no more than two there
