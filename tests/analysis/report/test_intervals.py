from math import inf

from analysis.report.numbers import EDGE, WIDTH, DrawnRange, build_ruler, place_on_ruler


def test_zero_and_the_margin_are_on_the_scale_of_differences():
    on = build_ruler([DrawnRange(0.5, 0.4, 0.6, (0.45, 0.55))], differences=True, margin=0.1)
    assert on.band is not None
    assert EDGE < on.band[0] < on.zero < on.band[1] < WIDTH - EDGE


def test_scores_have_neither():
    on = build_ruler([DrawnRange(0.5, 0.4, 0.6, (0.45, 0.55))], differences=False, margin=0.1)
    assert (on.zero, on.band) == (None, None)


def test_an_interval_that_would_dwarf_the_seeds_is_cut_and_says_so():
    # seeds span 0.2; an interval may add once that on either side, and 4 % of the whole
    ranges = [DrawnRange(0.1, 0.0, 0.2, (0.0, 0.2)), DrawnRange(0.1, -5.0, 0.3, (0.1, 0.1))]
    first, second = (place_on_ruler(each, build_ruler(ranges, differences=True)) for each in ranges)
    assert (first.cut_low, first.cut_high) == (False, False)
    assert (second.cut_low, second.cut_high) == (True, False)
    assert second.low == EDGE


def test_one_seed_has_a_place_and_no_interval():
    found = DrawnRange(0.5, -inf, inf, (0.5,))
    drawn = place_on_ruler(found, build_ruler([found, DrawnRange(0.7, 0.6, 0.8, (0.7,))], differences=False))
    assert drawn.low == drawn.mean == drawn.high
    assert (drawn.cut_low, drawn.cut_high) == (False, False)
