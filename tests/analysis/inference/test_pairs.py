from math import inf, isnan, nan

import pytest

from analysis.stats.contrasts import Contrast
from analysis.stats.paired_tests import pair_scores

CONTRAST = Contrast(1, 0, "primary", "final/accuracy")


def found(arm, baseline):
    return pair_scores({0: baseline, 1: arm}, CONTRAST)


def test_only_common_finite_seeds_are_paired():
    pair = found({0: 0.5, 1: 0.6, 2: nan, 3: 0.7, 4: 0.9}, {1: 0.5, 2: 0.5, 3: inf, 4: 0.5, 5: 0.1})
    assert pair.seeds == (1, 4)
    assert pair.differences.tolist() == pytest.approx([0.1, 0.4])


def test_a_cell_without_runs_has_no_pairs():
    assert pair_scores({0: {0: 0.5}}, CONTRAST).seeds == ()


def test_the_correlation_is_that_of_the_paired_scores():
    # deviations from the mean (-1, 0, 1) and (-1, 1, 0): 1 / 2
    assert found({0: 0.1, 1: 0.2, 2: 0.3}, {0: 0.1, 1: 0.3, 2: 0.2}).correlation == pytest.approx(0.5)


def test_two_pairs_and_an_arm_that_does_not_vary_have_no_correlation():
    assert isnan(found({0: 0.1, 1: 0.2}, {0: 0.1, 1: 0.3}).correlation)
    assert isnan(found({0: 0.1, 1: 0.1, 2: 0.1}, {0: 0.1, 1: 0.3, 2: 0.2}).correlation)


def test_improvement_counts_all_runs_against_all_and_ties_half():
    # 0.5 beats 0.4 and ties 0.5; 0.6 beats both: 3.5 of 4
    assert found({0: 0.5, 1: 0.6}, {0: 0.4, 1: 0.5}).improvement == 3.5 / 4
