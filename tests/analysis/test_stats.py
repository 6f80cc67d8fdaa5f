from math import inf, isnan, nan

import pytest

from analysis.stats.estimates import estimate_difference, estimate_mean


def test_the_interval_is_students():
    # mean 0.5, deviation 0.1, t(0.975, 2) = 4.302653: 4.302653 * 0.1 / sqrt(3) = 0.248414
    found = estimate_mean([0.4, 0.5, 0.6])
    assert (found.mean, found.n) == (pytest.approx(0.5), 3)
    assert found.half_width == pytest.approx(0.248414, abs=1e-6)
    assert found.interval == pytest.approx((0.251586, 0.748414), abs=1e-6)


def test_one_seed_says_nothing_of_others():
    found = estimate_mean([0.4])
    assert (found.mean, found.n, found.half_width) == (0.4, 1, inf)
    assert isnan(found.std)


def test_equal_seeds_have_an_interval_of_no_width():
    assert estimate_mean([0.5, 0.5]).half_width == 0


def test_no_values_give_no_estimate():
    assert estimate_mean([]) is None
    assert estimate_mean([nan, inf]) is None


def test_values_that_are_no_numbers_do_not_count():
    assert estimate_mean([0.4, nan, 0.6]).n == 2


def test_differences_are_taken_seed_by_seed():
    # seeds 0 and 1 in both: differences 0.1 and 0.2, mean 0.15, deviation 0.0707107,
    # t(0.975, 1) = 12.7062: 12.7062 * 0.0707107 / sqrt(2) = 0.635310
    found = estimate_difference({0: 0.5, 1: 0.7, 2: 0.9}, {0: 0.4, 1: 0.5, 7: 0.1})
    assert (found.mean, found.n) == (pytest.approx(0.15), 2)
    assert found.half_width == pytest.approx(0.635310, abs=1e-5)


def test_pairing_removes_what_seeds_share():
    # unpaired, the arms overlap entirely; paired, every seed gains exactly 0.1
    found = estimate_difference({0: 0.2, 1: 0.5, 2: 0.8}, {0: 0.1, 1: 0.4, 2: 0.7})
    assert found.interval == pytest.approx((0.1, 0.1))


def test_no_shared_seed_gives_no_difference():
    assert estimate_difference({0: 0.5}, {1: 0.5}) is None
