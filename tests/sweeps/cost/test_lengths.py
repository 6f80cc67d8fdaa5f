from math import exp, inf, log

import pytest

from sweeps.cost.work import Lengths


def test_the_law_has_the_mean_it_was_asked_for():
    found = Lengths(400.0, 1000)
    assert found.scale * (1 - exp(-1000 / found.scale)) == pytest.approx(400.0)


def test_far_from_the_limit_the_scale_is_the_mean():
    found = Lengths(10.0, 1000)
    assert found.scale == pytest.approx(10.0)
    assert found.running(10.0) == pytest.approx(exp(-1))
    assert found.square(0) == pytest.approx(200.0)  # of an exponential: twice the squared mean
    assert found.square(5) == pytest.approx(25 + 100 + 200)  # 5^2 + 2 * 5 * 10 + the same


def test_where_all_are_cut_all_run_to_the_limit():
    found = Lengths(1000.0, 1000)
    assert found.scale == inf
    assert found.running(999) == 1.0
    assert found.square(0) == 1_000_000
    assert found.longest(1) == 1000


def test_the_longest_of_many_grows_with_their_logarithm_up_to_the_limit():
    found = Lengths(10.0, 1000)
    assert found.longest(100) == pytest.approx(10 * (log(100) + 0.5772), rel=1e-3)
    assert Lengths(400.0, 1000).longest(1e6) == 1000
