import numpy as np
import pytest

from analysis.curves.summary import LEAST_POINTS, NO_GAIN, OPEN, fit_saturation
from tests.analysis.trajectory.curves import saturating

TOKENS = np.arange(30) * 1000.0
# A point's deviation: 128 prompts of eight samples leave about 0.03, the embedded models' 32 prompts about 0.05.
NOISE = 0.03


def fits(n, half, count=200, noise=NOISE, slope=2.0):
    rng = np.random.default_rng(7)
    return [fit_saturation(*saturating(rng, n, noise, 0.8, slope, half)) for _ in range(count)]


def test_a_planted_ceiling_is_found_within_two_points_where_the_curve_levels_off():
    # Half the gain after a tenth of 200 steps: the last point is at 99 % of the ceiling's gain.
    found = fits(200, 0.1)
    assert np.mean([abs(fit.ceiling - 0.8) <= 0.02 for fit in found]) >= 0.95
    assert np.mean([fit.trouble == "" for fit in found]) >= 0.95


def test_slope_and_midpoint_are_found_apart_from_the_ceiling():
    found = fits(200, 0.1, slope=1.5)
    assert np.median([fit.slope for fit in found]) == pytest.approx(1.5, rel=0.05)
    assert np.median([fit.midpoint for fit in found]) == pytest.approx(199_000, rel=0.05)  # of 1.99 million tokens


def test_the_profile_interval_holds_the_ceiling_as_often_as_it_says():
    # A curve of 60 noisy steps, where the ceiling is known to some 0.03 to 0.05.
    held = [fit.interval[0] <= 0.8 <= fit.interval[1] for fit in fits(60, 0.1, count=400, noise=0.05)]
    assert 0.92 <= np.mean(held) <= 0.98


def test_a_curve_that_still_rises_has_no_known_ceiling():
    # Half the gain at the last point: ceilings from 0.6 to 1 fit as well.
    assert np.mean([fit.trouble == OPEN for fit in fits(100, 1.0)]) >= 0.97


def test_a_short_noisy_curve_has_no_known_ceiling():
    assert np.mean([fit.trouble == OPEN for fit in fits(30, 0.3, noise=0.05)]) >= 0.9


@pytest.mark.parametrize("accuracy", [np.full(30, 0.5), np.linspace(0.5, 0.1, 30), np.zeros(30)])
def test_a_curve_that_gains_nothing_has_no_ceiling(accuracy):
    assert fit_saturation(TOKENS, accuracy).trouble == NO_GAIN


def test_a_jump_is_fitted_too():
    found = fit_saturation(TOKENS, np.where(TOKENS < 10_000, 0.2, 0.7))
    assert found.ceiling == pytest.approx(0.7, abs=0.02)  # no steeper than the steepest slope
    assert found.trouble == ""


def test_few_points_and_runs_without_cost_are_not_fitted():
    assert fit_saturation(TOKENS[: LEAST_POINTS - 1], np.linspace(0, 1, LEAST_POINTS - 1)) is None
    assert fit_saturation(np.zeros(30), np.linspace(0, 1, 30)) is None
