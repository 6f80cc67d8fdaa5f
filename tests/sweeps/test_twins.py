from collections import Counter

import pytest

from sweeps.cells import select
from sweeps.compose import compose_cells
from sweeps.grid import read_grid
from sweeps.library import find_grid
from sweeps.twins import twins
from tests.sweeps.grids import PLAIN, grid


@pytest.fixture(scope="module")
def of_norms():
    """Twins among the cells of one model and difficulty of norm_ablation."""
    found = read_grid(find_grid("norm_ablation"))
    points = [
        point
        for point in select(found, full=True).cells
        if (point["model"], point["difficulty"]) == ("small_base", "medium")
    ]
    return twins(compose_cells(found, points).cells, found.baseline)


def test_dividing_by_a_deviation_makes_the_reward_scale_irrelevant(of_norms):
    assert sorted(group.cells[0].labels["norm"] for group in of_norms) == ["batch", "group", "group_mean_batch_std"]


def test_twins_differ_in_the_reward_scale_alone(of_norms):
    for group in of_norms:
        assert Counter(cell.labels["reward_scale"] for cell in group.cells) == {"zero_one": 1, "plus_minus_one": 1}
        assert len({cell.labels["norm"] for cell in group.cells}) == 1


def found(folder, old, new):
    chosen = grid(folder, PLAIN.replace(old, new))
    return twins(compose_cells(chosen, select(chosen, full=True).cells).cells, chosen.baseline)


def test_cells_that_differ_elsewhere_are_no_twins(tmp_path):
    assert found(tmp_path, "reward=plus_minus_one", "reward=plus_minus_one, optim.lr=1.0e-3") == ()


def test_cells_with_another_aggregation_are_no_twins(tmp_path):
    assert found(tmp_path, "reward=plus_minus_one", 'reward=plus_minus_one, "+tricks.token_mean={}"') == ()


def test_a_small_but_real_difference_is_no_twin(tmp_path):
    # An epsilon of 0.01 on a deviation of about 0.5 or 1 moves advantages by one and two percent.
    assert found(tmp_path, "group_norm={}", "group_norm={eps: 0.01}") == ()
