import numpy as np
import pytest

from analysis.curves.summary import find_collapse, find_collapses
from tests.analysis.trajectory.curves import course

HEALTHY = {
    "flat": lambda t: 0.5 + 0 * t,
    "low": lambda t: 0.1 + 0 * t,
    "rising": lambda t: 0.3 + 0.5 * t,
    "levelling off": lambda t: 0.3 + 0.5 * (1 - np.exp(-6 * t)),
    "a little past its best": lambda t: 0.3 + 0.5 * np.sin(2.2 * t),
}


@pytest.mark.parametrize("shape", HEALTHY.values(), ids=HEALTHY.keys())
@pytest.mark.parametrize("noise", [0.03, 0.06, 0.1])
@pytest.mark.parametrize("n", [12, 30, 120])
def test_noise_on_a_healthy_curve_is_no_collapse(shape, noise, n):
    rng = np.random.default_rng(5)
    clean = shape(np.linspace(0, 1, n))
    alarms = [find_collapse(np.clip(clean + rng.normal(0, noise, n), 0, 1)) is not None for _ in range(300)]
    assert np.mean(alarms) <= 0.02


def test_a_run_that_falls_to_nothing_has_collapsed_where_it_falls():
    rng = np.random.default_rng(5)
    clean = np.concatenate([np.linspace(0.3, 0.7, 40), np.full(20, 0.05)])
    found = [find_collapse(np.clip(clean + rng.normal(0, 0.06, 60), 0, 1)) for _ in range(200)]
    assert all(place is not None and 40 <= place <= 45 for place in found)


def test_the_place_is_the_first_of_the_last_stretch_below_the_level():
    # Means of five: 0.8 until place 9, then 0.64, 0.48, 0.32 ... The first is 0.8 and the best one too: level 0.4.
    # The mean that ends at place 12 is 0.32.
    assert find_collapse(np.array([0.8] * 10 + [0.0] * 10)) == 12


def test_a_run_that_loses_more_than_half_of_its_gain_has_collapsed():
    # From 0.4 up to 0.8: the level is 0.6.
    rise = [0.4] * 5 + [0.8] * 10
    assert find_collapse(np.array(rise + [0.55] * 10)) is not None
    assert find_collapse(np.array(rise + [0.65] * 10)) is None


def test_a_fall_of_less_than_ten_points_is_none():
    # From 0.05 up to 0.14 and back: all of the gain, but nine points.
    assert find_collapse(np.array([0.05] * 5 + [0.14] * 5 + [0.05] * 10)) is None


def test_a_run_that_recovers_has_not_collapsed():
    assert find_collapse(np.array([0.8] * 10 + [0.0] * 10 + [0.8] * 10)) is None


def test_a_short_curve_says_nothing():
    assert find_collapse(np.array([0.8, 0.0, 0.0])) is None
    assert find_collapses({0: course([0.8, 0.0, 0.0])}) is None


def test_the_share_of_seeds_has_its_wilson_interval():
    # One of two. Wilson, z = 1.959964: centre (0.5 + z^2/4) / (1 + z^2/2) = 0.5,
    # half-width z sqrt(0.25/2 + z^2/16) / (1 + z^2/2) = 0.405469.
    found = find_collapses({3: course([0.8] * 10 + [0.0] * 10), 4: course([0.8] * 20)})
    assert found.steps == {3: 13}  # the thirteenth step is at place 12
    assert found.share == 0.5
    assert found.interval == pytest.approx((0.094531, 0.905469), abs=1e-6)
