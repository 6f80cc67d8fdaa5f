import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from analysis.stats.paired_tests import Pairs, p_different, p_equivalent, paired_p_values
from tests.analysis.inference.studies import SIX


def pairs(differences, baseline=0.5):
    ground = np.full(len(differences), baseline)
    return Pairs(tuple(range(len(differences))), ground + np.array(differences), ground)


def test_a_difference_is_tested_by_students_t_over_pairs():
    # t = 0.035 / (0.0187083 / sqrt(6)) = 4.582576, 5 degrees of freedom
    assert p_different(pairs(SIX)) == pytest.approx(2 * stats.t.sf(4.582576, 5), rel=1e-5)


def test_equivalence_takes_the_worse_of_the_two_sides():
    # margin 0.06: (0.06 - 0.035) / (0.0187083 / sqrt(6)) = 3.273268; the lower side is further away
    assert p_equivalent(pairs(SIX), 0.06) == pytest.approx(stats.t.sf(3.273268, 5), rel=1e-5)


@pytest.mark.parametrize("n", [2, 6, 20])
def test_both_tests_are_those_of_statsmodels(n):
    draws = np.random.default_rng(n)
    for margin in (0.001, 0.02, 0.1):
        found = pairs(draws.normal(0.01, 0.02, n), draws.random(n))
        theirs = DescrStatsW(found.differences)
        assert p_different(found) == pytest.approx(theirs.ttest_mean(0)[1])
        assert p_equivalent(found, margin) == pytest.approx(theirs.ttost_mean(-margin, margin)[0])


def test_a_difference_beyond_the_margin_is_not_equivalent():
    assert p_equivalent(pairs(SIX), 0.03) > 0.5


def test_equal_scores_differ_in_nothing():
    assert p_different(pairs([0.0] * 6)) == 1
    assert p_equivalent(pairs([0.0] * 6), 0.01) == 2**-6


def test_pairs_that_differ_by_the_same_amount_have_the_p_of_a_sign_flip_test():
    # all of 6 signs alike: 2 of 2**6 ways
    assert p_different(pairs([0.1] * 6)) == 2 / 64
    assert p_equivalent(pairs([0.1] * 6), 0.05) == 1
    assert p_equivalent(pairs([0.1] * 6), 0.2) == 1 / 64


def test_rounding_is_no_variance():
    # 0.3 - 0.2 and 0.8 - 0.7 are 0.1 with different last digits
    found = Pairs((0, 1, 2), np.array([0.3, 0.8, 0.6]), np.array([0.2, 0.7, 0.5]))
    assert np.ptp(found.differences) > 0
    assert p_different(found) == 2 / 8


def test_rounding_is_no_difference():
    found = Pairs((0, 1), np.array([0.1 + 0.2, 0.3]), np.array([0.3, 0.3]))
    assert p_different(found) == 1


def test_many_columns_are_as_many_tests():
    arm = np.array([[0.51, 0.6], [0.52, 0.6], [0.53, 0.6]])
    found = paired_p_values(arm, np.full((3, 2), 0.5))
    assert found.tolist() == [pytest.approx(stats.ttest_1samp([0.01, 0.02, 0.03], 0).pvalue), 2 / 8]
