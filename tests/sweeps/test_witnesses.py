from math import exp, log

import pytest

from sweeps.equivalence.batches import choose_lengths, collect_numbers, divergences, log_ratios
from tricks.filtering import OverlongFilter
from tricks.regularization import KlLoss
from tricks.rewards import SoftOverlong
from tricks.surrogates import Clip


def between(points, low, high):
    return [point for point in points if low < point < high]


def test_every_two_bounds_of_a_ratio_have_a_log_ratio_between_them():
    found = log_ratios(collect_numbers([Clip(clip_ratio_high=0.24), Clip(clip_ratio_high=0.28, dual_clip=3.0)]))
    assert between(found, log(1.24), log(1.28))
    assert between(found, log(1.28), log(3.0))
    assert between(found, log(0.8), 0.0)


def test_both_sides_of_a_bounded_log_ratio_are_tried():
    found = log_ratios(collect_numbers([Clip(log_ratio_bound=30.0)]))
    assert min(found) < -30
    assert max(found) > 30


def test_a_ratio_of_exactly_1_is_among_them():
    assert 0.0 in log_ratios(collect_numbers([Clip()]))
    assert 0.0 in divergences(collect_numbers([KlLoss()]))


@pytest.mark.parametrize("bound", [3.0, 5.0])
def test_both_sides_of_a_bounded_k3_are_tried(bound):
    def k3(log_ratio):
        return exp(log_ratio) - 1 - log_ratio

    found = [k3(point) for point in divergences([bound, bound * 1.02]) if point > 0]
    assert between(found, bound, bound * 1.02)


def test_lengths_lie_at_below_and_above_every_whole_number_of_a_setting():
    # The limit is 20; a cache of 6 starts to punish beyond 14.
    found = choose_lengths([SoftOverlong(cache=6), OverlongFilter(truncation="length", limit=9)], 20)
    assert {5, 6, 7, 8, 9, 10, 13, 14, 15, 19, 20} <= set(found)
    assert max(found) == 20
