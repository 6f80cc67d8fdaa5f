from math import isnan

import pytest
from statsmodels.stats.proportion import proportion_confint

from analysis.stats.noise_floor import NoiseFloor, measure_noise_floors, pool_noise_floors
from tests.analysis.inference.studies import SIX, taken, wide
from tests.analysis.samples import CELLS

TWINS = wide(twins=((CELLS[1], CELLS[3]),))
TRIPLE = [0.5, 0.6, 0.7]


def floors(study, by_cell):
    return {floor.kind: floor for floor in measure_noise_floors(study, taken(study, by_cell))}


def test_twins_that_ran_are_judged_by_the_same_test():
    # 3 minus 1: SIX, p = 0.006 by the paired t test, and so a false alarm
    found = floors(TWINS, {1: [0.5] * 6, 3: [0.5 + each for each in SIX]})["twins"]
    assert (found.cells, found.tests, found.called, found.share) == (1, 1, 1, 1.0)
    assert found.largest == found.std == pytest.approx(0.035)
    assert found.interval == pytest.approx(proportion_confint(1, 1, method="wilson"))


def test_equal_twins_are_no_alarm():
    found = floors(TWINS, {1: TRIPLE, 3: TRIPLE})["twins"]
    assert (found.called, found.largest) == (0, 0)


def test_twins_of_the_same_settings_share_their_runs_and_are_no_test():
    study = wide(twins=((CELLS[1], CELLS[3]),), cell_ids=("c0", "c1", "c2", "c1"))
    assert "twins" not in floors(study, {1: TRIPLE})


def test_twins_without_two_common_seeds_are_no_test():
    assert "twins" not in floors(TWINS, {1: TRIPLE})
    assert "twins" not in floors(TWINS, {1: TRIPLE, 3: [0.5]})


def test_four_seeds_split_in_three_ways():
    # 0 1 | 2 3, 0 2 | 1 3, 0 3 | 1 2: mean differences -0.2, -0.1, 0
    found = floors(wide(), {0: [0.1, 0.2, 0.3, 0.4]})["seed split"]
    assert (found.cells, found.tests) == (1, 3)
    assert found.largest == pytest.approx(0.2)
    assert found.std == pytest.approx(((0.2**2 + 0.1**2) / 3) ** 0.5)
    # -0.2 twice and -0.1 twice: no variance, p = 2 / 4; (-0.1, 0.1): p = 1
    assert found.called == 0


def test_three_seeds_do_not_split_and_a_fifth_stays_out():
    assert floors(wide(), {0: TRIPLE}) == {}
    assert floors(wide(), {0: [0.1, 0.2, 0.3, 0.4, 9.0]})["seed split"].largest == pytest.approx(0.2)


def test_a_cell_under_two_names_is_split_once():
    study = wide(cell_ids=("c0", "c1", "c0", "c1"))
    assert floors(study, {0: [0.1, 0.2, 0.3, 0.4]})["seed split"].cells == 1


def test_floors_of_several_studies_pool():
    one = NoiseFloor("twins", 10, 10, 1, (0.0, 1.0), 0.02, 0.01)
    other = NoiseFloor("twins", 30, 30, 1, (0.0, 1.0), 0.05, 0.03)
    found = pool_noise_floors([one, other], "twins")
    assert (found.cells, found.tests, found.called, found.largest, found.share) == (40, 40, 2, 0.05, 0.05)
    assert found.std == pytest.approx(((10 * 0.01**2 + 30 * 0.03**2) / 40) ** 0.5)
    assert found.interval == pytest.approx(proportion_confint(2, 40, method="wilson"))
    assert pool_noise_floors([one], "seed split") is None


def test_a_floor_without_tests_has_no_share():
    assert isnan(NoiseFloor("twins", 0, 0, 0, (0.0, 1.0), 0.0, 0.0).share)
