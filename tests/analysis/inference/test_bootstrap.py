from math import sqrt

import numpy as np
import pytest
from scipy import stats

from analysis.stats.estimates import bootstrap_interval, make_generator

TWELVE = np.array([-5, -4, -3, -2, -1, 0, 0, 1, 2, 3, 4, 5]) / 100  # symmetric: no bias of the median
SKEWED = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 6, 12]) / 100


def test_symmetric_differences_have_students_interval():
    half = stats.t.ppf(0.975, 11) * TWELVE.std(ddof=1) / sqrt(12)
    low, high = bootstrap_interval(TWELVE, make_generator("symmetric"))
    assert (low, high) == (pytest.approx(-half, rel=0.06), pytest.approx(half, rel=0.06))


def test_skewed_differences_reach_further_on_their_long_side():
    low, high = bootstrap_interval(SKEWED, make_generator("skewed"))
    assert high - SKEWED.mean() > 1.2 * (SKEWED.mean() - low)


def test_levels_are_shifted_by_twice_the_bias_of_the_median():
    spread = (SKEWED - SKEWED.mean())[make_generator("skewed").integers(12, size=(9_999, 12))].mean(axis=1)
    bias = stats.norm.ppf(np.mean(spread < 0) + np.mean(spread == 0) / 2)
    levels = stats.norm.cdf(2 * bias + stats.t.ppf([0.025, 0.975], 11))
    scaled = spread * SKEWED.std(ddof=1) / sqrt(12) / spread.std()
    expected = SKEWED.mean() + np.quantile(scaled, levels)
    assert abs(bias) > 0.02
    assert bootstrap_interval(SKEWED, make_generator("skewed")) == pytest.approx(tuple(expected))


def test_noise_of_the_evaluation_is_not_counted_twice():
    """However large the second level is, the scale stays that of the seeds."""
    half = stats.t.ppf(0.975, 11) * TWELVE.std(ddof=1) / sqrt(12)
    for error in (0.001, 0.03, 1.0):
        low, high = bootstrap_interval(TWELVE, make_generator("errors"), np.full(12, error))
        assert (high - low) / 2 == pytest.approx(half, rel=0.06)


def test_normal_draws_stand_for_resampled_problems():
    """Seeds, then 128 problems within each, drawn in full; the same scale and levels."""
    draws = np.random.default_rng(0)
    problems = draws.choice([-0.5, 0.0, 0.5], size=(12, 128)) + TWELVE[:, None]
    means, errors = problems.mean(axis=1), problems.std(axis=1, ddof=1) / sqrt(128)
    seeds = draws.integers(12, size=(4000, 12))
    chosen = draws.integers(128, size=(4000, 12, 128))
    full = problems[seeds[..., None], chosen].mean(axis=(1, 2)) - means.mean()
    full *= means.std(ddof=1) / sqrt(12) / full.std()
    tail = stats.norm.cdf(stats.t.ppf([0.025, 0.975], 11))
    found = np.array(bootstrap_interval(means, make_generator("problems"), errors)) - means.mean()
    assert found == pytest.approx(np.quantile(full, tail), rel=0.1)


def test_the_same_names_draw_the_same_interval_and_others_do_not():
    first = bootstrap_interval(TWELVE, make_generator("a", "b"))
    assert bootstrap_interval(TWELVE, make_generator("a", "b")) == first
    assert bootstrap_interval(TWELVE, make_generator("ab")) != first
