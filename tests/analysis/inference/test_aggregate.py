from dataclasses import replace
from math import inf

import pytest

from analysis.stats.aggregate import estimate_improvement, iqm_difference
from analysis.stats.contrasts import list_contrasts
from tests.analysis.inference.studies import taken, wide
from tests.analysis.samples import STUDY

ARM, BASELINE = [0.5, 0.6, 0.7, 0.8], [0.1, 0.2, 0.3, 0.9]
CONTRAST = list_contrasts(STUDY)[0]


def frame(**more):
    return taken(wide(), {0: BASELINE, 1: ARM}, **more)


def two_benchmarks():
    return frame(
        **{
            "final__aime24__avg@8": {0: [0.0, 0.0, 0.0, 0.0], 1: [0.1, 0.1, 0.1, 0.1]},
            "final__math500__avg@8": {0: [0.8, 0.8, 0.8, 0.8], 1: [0.6, 0.6, 0.6, 0.6]},
        }
    )


def test_the_iqm_leaves_a_quarter_out_on_either_side():
    # 0.1 and 0.9 of four left out, and 0.5 and 0.8: (0.6 + 0.7) / 2 - (0.2 + 0.3) / 2
    found = iqm_difference(wide(), taken(wide(), {0: BASELINE, 1: [0.5, 0.7, 0.6, 0.8]}), CONTRAST)
    assert (found.value, found.seeds, found.benchmarks) == (pytest.approx(0.4), (0, 1, 2, 3), ("final/accuracy",))
    assert found.interval[0] < 0.4 < found.interval[1]


def test_the_iqm_is_over_seeds_and_benchmarks_together():
    # four times 0.1 and four times 0.6, minus four times 0.0 and 0.8: the middle half is two of each
    found = iqm_difference(wide(), two_benchmarks(), CONTRAST)
    assert found.value == pytest.approx(0.35 - 0.4)
    assert found.benchmarks == ("final/aime24/avg@8", "final/math500/avg@8")


def test_a_benchmark_that_one_cell_was_not_asked_is_no_stratum():
    asked = {"final__aime24__avg@8": {0: [0.0] * 4, 1: [0.1] * 4}, "final__math500__avg@8": {1: [0.6] * 4}}
    assert estimate_improvement(wide(), frame(**asked), CONTRAST).benchmarks == ("final/aime24/avg@8",)


def test_benchmarks_play_no_part_where_another_metric_decides():
    assert iqm_difference(replace(wide(), metric="start/accuracy"), two_benchmarks(), CONTRAST) is None


def test_improvement_is_the_share_of_pairs_of_runs():
    # every run of the arm beats three of four
    found = estimate_improvement(wide(), frame(), CONTRAST)
    assert found.value == 0.75
    assert 0 <= found.interval[0] < 0.75 < found.interval[1] <= 1


def test_equal_scores_are_half_an_improvement():
    assert estimate_improvement(wide(), taken(wide(), {0: [0.5] * 4, 1: [0.5, 0.5, 0.6, 0.4]}), CONTRAST).value == 0.5


def test_improvement_counts_every_benchmark_the_same():
    # always on one, never on the other
    found = estimate_improvement(wide(), two_benchmarks(), CONTRAST)
    assert (found.value, found.interval) == (0.5, (0.5, 0.5))


def test_one_seed_has_a_value_and_no_interval():
    found = iqm_difference(wide(), taken(wide(), {0: [0.25], 1: [0.75]}), CONTRAST)
    assert (found.value, found.interval) == (0.5, (-inf, inf))


def test_a_cell_without_scores_has_no_aggregate():
    assert iqm_difference(wide(), taken(wide(), {0: ARM}), CONTRAST) is None
    assert estimate_improvement(wide(), taken(wide(), {0: ARM}), CONTRAST) is None


def test_the_interval_is_always_the_same():
    assert iqm_difference(wide(), frame(), CONTRAST) == iqm_difference(wide(), frame(), CONTRAST)
