import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from analysis.stats.contrasts import adjust_p_values, holm


def test_holm_multiplies_the_smallest_by_all_and_never_falls():
    # 0.01 * 3 = 0.03, 0.02 * 2 = 0.04, 0.03 * 1 = 0.03, raised to 0.04
    assert adjust_p_values([0.03, 0.01, 0.02], "primary", 3) == pytest.approx([0.04, 0.03, 0.04])


def test_declared_tests_without_a_result_still_count():
    assert adjust_p_values([0.01], "primary", 7) == pytest.approx([0.07])
    assert adjust_p_values([0.01], "exploratory", 7) == pytest.approx([0.07])


def test_benjamini_and_hochberg_divide_by_the_rank():
    # 0.01 * 3 / 1, 0.02 * 3 / 2, 0.03 * 3 / 3: all 0.03
    assert adjust_p_values([0.03, 0.01, 0.02], "exploratory", 3) == pytest.approx([0.03, 0.03, 0.03])


def test_controls_stand_for_themselves():
    assert adjust_p_values([0.03, 0.01], "control", 2) == [0.03, 0.01]


def test_no_values_stay_none():
    assert adjust_p_values([], "primary", 3) == []


@pytest.mark.parametrize("size", [1, 2, 7])
def test_holm_is_that_of_statsmodels(size):
    values = np.random.default_rng(size).beta(0.3, 1, size)
    assert holm(values) == pytest.approx(multipletests(values, method="holm")[1])
