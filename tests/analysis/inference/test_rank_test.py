from itertools import product

import numpy as np
import pytest
from scipy import stats

from analysis.stats.contrasts import Contrast
from analysis.stats.paired_tests import FailedSeed, Pairs, has_worst_end, p_with_failures, signed_ranks

NONE = np.zeros(0)


def by_enumeration(values):
    """Two-sided p of all sign flips of the mean ranks of nonzero values."""
    values = np.array([value for value in values if value])
    ranks = stats.rankdata(np.abs(values))
    sums = np.array([np.dot(ranks, signs) for signs in product((0, 1), repeat=len(ranks))])
    own = ranks[values > 0].sum()
    return min(1.0, 2 * min(np.mean(sums <= own + 1e-9), np.mean(sums >= own - 1e-9)))


@pytest.mark.parametrize("seed", range(5))
def test_without_failures_it_is_wilcoxons_exact_test(seed):
    values = np.random.default_rng(seed).normal(0.4, 1.0, 10)
    p, lean = signed_ranks(values, NONE)
    found = stats.wilcoxon(values, method="exact")
    assert p == pytest.approx(found.pvalue, rel=1e-12)
    ranks = stats.rankdata(np.abs(values))
    assert lean == np.sign((ranks * np.sign(values)).sum())


def test_ties_share_their_mean_rank_and_pairs_without_a_difference_are_left_out():
    values = [0.1, -0.1, 0.2, 0.2, 0.0, 0.3, 0.0]
    assert signed_ranks(np.array(values), NONE)[0] == pytest.approx(by_enumeration(values), rel=1e-12)


def test_failures_rank_above_every_difference_and_by_their_size():
    # A difference of 5 is smaller than any failure; a lead of 1/2 is smaller than one of 1.
    p, lean = signed_ranks(np.array([5.0, 4.0, 3.0]), np.array([-0.5, -1.0, 0.0]))
    assert p == pytest.approx(by_enumeration([3.0, 2.0, 1.0, -4.0, -5.0]), rel=1e-12)
    assert lean == -1


def test_an_arm_that_fails_under_six_seeds_reaches_the_smallest_p_of_six_pairs():
    assert signed_ranks(NONE, -np.ones(6)) == (2 / 2**6, -1)
    assert signed_ranks(NONE, np.ones(10)) == (2 / 2**10, 1)


def test_nothing_but_ties_tells_nothing():
    assert signed_ranks(NONE, np.zeros(6)) == (1.0, 0)
    assert signed_ranks(np.zeros(3), NONE) == (1.0, 0)


def test_a_failure_of_the_arm_never_makes_it_look_better():
    """To replace any pair's difference by a failure of the arm never lowers the p of a better arm."""
    draws = np.random.default_rng(0)
    for _ in range(50):
        values = draws.normal(0.8, 1.0, 12)
        p, lean = signed_ranks(values, NONE)
        for place in range(12):
            worse, side = signed_ranks(np.delete(values, place), -np.ones(1))
            assert not (side > 0 and (lean <= 0 or worse < p - 1e-12))


def found(differences, *failed):
    arm = 0.5 + np.array(differences, dtype=float)
    seeds = tuple(range(len(arm)))
    return Pairs(seeds, arm, np.full(len(arm), 0.5), tuple(failed))


def lost(seed, arm=1.0, baseline=0.0, certain=True):
    return FailedSeed(seed, arm, baseline, certain)


def test_differences_that_rounding_makes_are_none():
    pairs = found([1e-17, -1e-16, 0.0, 0.0, 0.0], lost(5))
    assert p_with_failures(pairs, worst_end=True) == (1.0, -1)  # one pair that differs


def test_a_failure_for_no_known_reason_counts_the_way_that_says_less():
    gains = [0.1, 0.11, 0.09, 0.12, 0.1, 0.08]
    unknown = found(gains, lost(6, certain=False))
    as_failed = p_with_failures(found(gains, lost(6)), worst_end=True)
    assert p_with_failures(unknown, worst_end=True) == as_failed
    # Under which the arm is behind, it is ahead of nothing: two treatments that lean apart say nothing at all.
    apart = found(gains, *(lost(seed, certain=False) for seed in range(6, 12)))
    assert p_with_failures(apart, worst_end=True) == (1.0, 0)


def test_a_baseline_that_failed_for_no_known_reason_does_not_help_the_arm():
    gains = [0.01, -0.01, 0.012, -0.008, 0.004, -0.002]
    helped = [lost(seed, 0.0, 1.0) for seed in range(6, 16)]
    assert p_with_failures(found(gains, *helped), worst_end=True)[0] < 0.05
    unknown = [lost(seed, 0.0, 1.0, certain=False) for seed in range(6, 16)]
    assert p_with_failures(found(gains, *unknown), worst_end=True)[0] > 0.05


def test_of_a_score_without_a_worst_end_a_failure_shows_no_direction():
    pairs = found([], *(lost(seed) for seed in range(10)))
    assert p_with_failures(pairs, worst_end=True) == (2 / 2**10, -1)
    assert p_with_failures(pairs, worst_end=False) == (1.0, 0)
    strong = found([-0.1 - 0.01 * place for place in range(14)], lost(14))
    p, lean = p_with_failures(strong, worst_end=False)
    assert lean == -1
    assert p_with_failures(strong, worst_end=True)[0] < p < 0.05  # it holds at both ends


@pytest.mark.parametrize(
    ("metric", "rises"),
    [
        *((name, True) for name in ("final/accuracy", "auc/accuracy", "final/pass@8", "final/aime24/avg@32")),
        *((name, True) for name in ("final/score", "final/heldout/score")),
        *((name, False) for name in ("final/accuracy/se", "cost/tokens", "final/length", "train/policy/entropy")),
        ("final/score/se", False),
    ],
)
def test_shares_of_right_answers_have_a_worst_end(metric, rises):
    assert has_worst_end(Contrast(1, 0, "primary", metric)) == rises
    assert has_worst_end(Contrast(1, 0, "control", metric))  # a control says beforehand where it is to end
