from dataclasses import replace
from math import inf, isnan, nan

import numpy as np
import pytest
from scipy import stats

from analysis.stats.verdict import compute_verdicts
from harness.records.power import find_detectable_effect
from tests.analysis.inference.studies import SIX, against_half, taken, wide
from tests.analysis.samples import CELLS, STUDY

ONE = {"primary": ({"level": ("easy",)},)}  # a family of one test
P = 2 * stats.t.sf(4.582576, 5)  # of SIX


def only(study, by_cell, **more):
    (verdict,) = compute_verdicts(study, taken(study, by_cell, **more))
    return verdict


def test_six_seeds_that_agree_make_an_arm_better():
    verdict = only(wide(**ONE), against_half(SIX))
    assert (verdict.word, verdict.difference) == ("better", pytest.approx(0.035))
    assert (verdict.p, verdict.p_adjusted) == (pytest.approx(P, rel=1e-5), pytest.approx(P, rel=1e-5))
    # t(0.975, 5) = 2.570582: 2.570582 * 0.0187083 / sqrt(6) = 0.019633
    assert verdict.interval == pytest.approx((0.015367, 0.054633), abs=1e-6)
    assert verdict.seeds == (0, 1, 2, 3, 4, 5)


def test_the_same_the_other_way_round_makes_it_worse():
    assert only(wide(**ONE), against_half([-difference for difference in SIX])).word == "worse"


def test_a_declared_family_is_held_to_holm_even_before_all_of_it_ran():
    # two contrasts are declared, easy and hard; one has runs
    verdict = only(wide(), against_half(SIX))
    assert verdict.p_adjusted == pytest.approx(2 * P, rel=1e-5)
    assert verdict.detectable == pytest.approx(find_detectable_effect(0.0187083, 6, 0.05 / 2), rel=1e-5)


def test_five_seeds_stay_exploratory_whatever_they_say():
    assert only(wide(margin=1.0), against_half([0.5, 0.51, 0.5, 0.49, 0.5])).word == "exploratory"


def test_a_small_difference_is_equivalent_within_the_margin_and_inconclusive_without_one():
    small = [0.001, -0.001, 0.002, -0.002, 0.001, 0.0]
    assert only(wide(margin=0.02), against_half(small)).word == "equivalent"
    verdict = only(wide(), against_half(small))
    assert (verdict.word, verdict.p_equivalent) == ("inconclusive", None)


def test_a_difference_that_is_real_and_small_is_called_by_its_sign():
    verdict = only(wide(margin=0.2, **ONE), against_half(SIX))
    assert (verdict.word, verdict.p_equivalent < 0.05) == ("better", True)


def test_noise_is_inconclusive():
    assert only(wide(margin=0.01), against_half([0.05, -0.05, 0.04, -0.06, 0.02, -0.01])).word == "inconclusive"


def test_equal_runs_are_equivalent_with_an_interval_of_no_width():
    verdict = only(wide(margin=0.02), against_half([0.0] * 6))
    assert (verdict.word, verdict.interval, verdict.p, verdict.detectable) == ("equivalent", (0, 0), 1, 0)
    assert isnan(verdict.correlation)


def test_pairs_that_differ_by_one_amount_are_called_at_six_seeds_and_no_sooner():
    assert only(wide(**ONE), against_half([0.1] * 6)).word == "better"  # p = 2 / 64
    assert only(wide(**ONE), against_half([0.1] * 5)).word == "exploratory"


def test_ten_seeds_have_a_resampled_interval_that_is_always_the_same():
    study = wide(**ONE)
    ten = [0.0, 0.0, 0.0, 0.01, 0.01, 0.02, 0.03, 0.05, 0.09, 0.2]
    verdict = only(study, against_half(ten))
    half = stats.t.ppf(0.975, 9) * np.std(ten, ddof=1) / 10**0.5
    assert verdict.interval == only(study, against_half(ten)).interval
    assert verdict.interval[1] - verdict.difference > half > verdict.difference - verdict.interval[0]


def test_scores_that_are_no_numbers_do_not_count():
    verdict = only(wide(), {0: [0.5, 0.5, nan, 0.5], 1: [0.6, inf, 0.7, 0.8]})
    assert (verdict.seeds, verdict.difference) == ((0, 3), pytest.approx(0.2))


def test_one_common_seed_and_no_runs_at_all_give_no_verdict():
    assert compute_verdicts(STUDY, taken(STUDY, {0: [0.5], 1: [0.6]})) == ()
    assert compute_verdicts(STUDY, taken(STUDY, {})) == ()


def test_a_study_without_a_baseline_gives_no_verdict():
    study = wide(baseline={})
    assert compute_verdicts(study, taken(study, against_half(SIX))) == ()


def test_cells_that_share_their_runs_are_one_test():
    # hard is easy under another name: its contrast is judged as the same one, and not corrected for
    study = wide(cell_ids=("c0", "c1", "c0", "c1"))
    first, second = compute_verdicts(study, taken(study, against_half(SIX)))
    assert first.p_adjusted == pytest.approx(P, rel=1e-5)
    assert replace(second, contrast=first.contrast) == first


def test_an_arm_with_the_runs_of_its_baseline_is_no_test():
    study = wide(cell_ids=("c0", "c1", "c2", "c2"))
    verdict = only(study, {**against_half(SIX), 2: [0.1] * 6})
    assert (verdict.contrast.arm, verdict.p_adjusted) == (1, pytest.approx(P, rel=1e-5))


def test_a_twin_that_is_not_run_is_no_test():
    study = wide(twins=((CELLS[1], CELLS[3]),), once=True)
    assert only(study, {**against_half(SIX), 2: [0.1] * 6}).p_adjusted == pytest.approx(P, rel=1e-5)


def test_exploratory_contrasts_are_corrected_among_themselves():
    study = wide(primary=({"level": ("easy",)},))
    easy, hard = compute_verdicts(study, taken(study, {**against_half(SIX), 2: [0.5] * 6, 3: [0.5 + d for d in SIX]}))
    assert (easy.contrast.family, hard.contrast.family) == ("primary", "exploratory")
    assert easy.p_adjusted == hard.p_adjusted == pytest.approx(P, rel=1e-5)
    assert hard.word == "better"
