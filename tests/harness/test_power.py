import pytest
from scipy.stats import nct, t

from harness.records.power import find_detectable_effect, find_seeds_needed, power


def test_power_is_the_noncentral_t_beyond_the_bound():
    # 10 pairs, effect of one deviation: noncentrality sqrt(10), bound t(0.975, 9) = 2.262157
    bound, shift = t.ppf(0.975, 9), 10**0.5
    assert power(1.0, 1.0, 10) == pytest.approx(nct.sf(bound, 9, shift) + nct.cdf(-bound, 9, shift), abs=1e-6)


def test_no_effect_is_called_at_the_level():
    assert power(0.0, 1.0, 6) == pytest.approx(0.05, abs=1e-6)
    assert power(0.0, 1.0, 6, alpha=0.01) == pytest.approx(0.01, abs=1e-6)


def test_the_tails_where_scipy_gives_nan_have_a_value():
    # 6 pairs, a level of 0.05 / 40: from the integral over chi, by quadrature, 0.67344
    assert power(2.924, 1.0, 6, alpha=0.00125) == pytest.approx(0.67344, abs=1e-4)


def test_the_sign_of_an_effect_does_not_matter():
    assert power(-0.03, 0.02, 6) == power(0.03, 0.02, 6)


def test_the_detectable_effect_is_found_with_the_wished_power():
    for n in (2, 3, 6, 10, 100):
        assert power(find_detectable_effect(0.02, n), 0.02, n) == pytest.approx(0.8, abs=1e-6)


def test_the_detectable_effect_has_the_unit_of_the_deviation():
    # Cohen's d of 1.4345 for six pairs
    assert find_detectable_effect(1.0, 6) == pytest.approx(1.4345, abs=1e-3)
    assert find_detectable_effect(0.02, 6) == pytest.approx(0.02 * find_detectable_effect(1.0, 6))


def test_a_stricter_level_needs_a_larger_effect():
    assert find_detectable_effect(1.0, 6, alpha=0.05 / 7) > find_detectable_effect(1.0, 6)


def test_half_a_deviation_needs_thirty_four_seeds():
    # the textbook number for a paired t test at 0.05 and 0.8
    assert find_seeds_needed(0.5, 1.0) == 34
    assert power(0.5, 1.0, 33) < 0.8 <= power(0.5, 1.0, 34)


def test_two_seeds_are_the_fewest():
    assert find_seeds_needed(1.0, 0.0) == 2
    assert find_seeds_needed(1000.0, 1.0) == 2


@pytest.mark.parametrize("effect", [0.0, 1e-9, float("nan")])
def test_an_effect_that_no_number_of_seeds_shows_is_refused(effect):
    with pytest.raises(ValueError, match="no number of seeds"):
        find_seeds_needed(effect, 1.0)


def test_one_seed_shows_nothing():
    assert power(1.0, 0.1, 1) == 0
    assert find_detectable_effect(0.1, 1) == float("inf")


def test_without_variance_every_effect_shows():
    assert (power(0.001, 0.0, 2), power(0.0, 0.0, 2), find_detectable_effect(0.0, 2)) == (1.0, 0.0, 0.0)
