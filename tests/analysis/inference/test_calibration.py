"""The short version of ``python -m tests.benchmarks calibration``: some hundred sweeps, bars as wide as chance."""

from functools import cache

import numpy as np
import pytest

from analysis.stats.contrasts import Contrast
from analysis.stats.evaluation import estimate_evaluation_noise
from analysis.stats.verdict import MIN_SEEDS
from harness.records.power import ALPHA
from tests.benchmarks.calibration import Share, at_margin, null, one_effect
from tests.benchmarks.calibration_failures import DIVERGENCES, wrong
from tests.benchmarks.calibration_world import ARMS, World, draw, problems, truth
from tests.tiers import only

SWEEPS = 120
SURE = 3.3  # Monte Carlo errors; chance alone passes it once in a thousand


@cache
def nothing(seeds):
    """Judged sweeps without any effect."""
    return null(World(), seeds, SWEEPS, "short null")


@pytest.mark.parametrize("seeds", only([6], [3, 6, 10]))
def test_intervals_hold_the_truth_as_often_as_they_say(seeds):
    found = Share.of([judged.covered.mean() for judged in nothing(seeds)])
    assert 93 - SURE * found.error <= found.value <= 97 + SURE * found.error


@pytest.mark.parametrize("seeds", only([6], [3, 6, 10]))
def test_a_family_without_effects_is_called_no_more_than_one_time_in_twenty(seeds):
    found = Share.of([judged.called.any() for judged in nothing(seeds)])
    # the error of a true 5 % over so many sweeps
    assert found.value <= 5.5 + SURE * 100 * (0.05 * 0.95 / SWEEPS) ** 0.5


def test_a_difference_at_the_margin_is_rarely_called_equivalent():
    edge = at_margin(MIN_SEEDS, SWEEPS, ARMS - 1)
    alone = Share.of([(judged.p_equivalent <= ALPHA).mean() for judged in edge])
    assert 0 < alone.value <= 5.5 + SURE * alone.error
    assert sum(judged.equivalent.any() for judged in edge) <= 0.055 * SWEEPS + SURE * (SWEEPS * 0.05) ** 0.5


@pytest.mark.parametrize(("sweeps", "sets"), [(90, 10), pytest.param(300, 30, marks=pytest.mark.slow)])
def test_power_is_what_the_plan_promised(sweeps, sets):
    kept = one_effect(MIN_SEEDS, sweeps, sets=sets, name="short effect")
    alone = Share.of([judged.p[0] <= ALPHA for judged in kept.judged])
    among = Share.of([judged.called[0] for judged in kept.judged])
    assert alone.value == pytest.approx(100 * kept.alone, abs=3 + SURE * max(alone.error, 1))
    assert among.value == pytest.approx(100 * kept.among, abs=3 + SURE * among.error)
    assert 70 < 100 * kept.among < 90  # not so large an effect that everything would find it


def test_the_evaluation_error_is_how_far_other_problems_move_a_difference():
    """Nothing but problems and samples varies here; 150 differences tell their deviation to a sixth."""
    world, found, draws = World(seed=0.0, run=0.0), [], np.random.default_rng(1)
    for _ in range(150):
        sweep = draw(world, problems(world, draws), 1, draws)
        taken = sweep.frame()
        paired, unpaired = (
            estimate_evaluation_noise(taken, Contrast(1, 0, "primary", "final/accuracy"), (0,), outcomes)
            for outcomes in (sweep.shares, None)
        )
        found.append((float(sweep.accuracy[1, 0] - sweep.accuracy[0, 0]), paired.se, unpaired.se))
    gaps, paired, unpaired = np.array(found).T
    assert np.sqrt((paired**2).mean()) == pytest.approx(gaps.std(), rel=0.18)
    assert unpaired.mean() > 1.3 * gaps.std()  # arms agree on problems; without pairing that is not known


def test_the_truth_of_a_simulated_sweep_is_its_mean_over_many_seeds():
    world = World(effects=(0.0, 0.5, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0), collapse=(0.2, 3.0), wild=2.0)
    draws = np.random.default_rng(0)
    fixed = problems(world, draws)
    gaps = np.concatenate([_gaps(world, fixed, draws) for _ in range(5)])
    error = gaps.std(axis=0, ddof=1)[1:] / len(gaps) ** 0.5
    assert np.abs(gaps.mean(axis=0)[1:] - truth(world, fixed)[1:]).max() < SURE * error.max()


def _gaps(world, fixed, draws):
    accuracy = draw(world, fixed, 200, draws).accuracy
    return (accuracy - accuracy[0]).T


@pytest.mark.parametrize("seeds", only([6], [6, 10]))
def test_an_arm_whose_runs_diverge_is_called_better_no_more_than_one_time_in_twenty(seeds):
    chosen = {
        name: DIVERGENCES[name]
        for name in ("the worse half of every arm", "the worst quarter of the baseline", "the worst tenth of all cells")
    }
    for rule, _ in wrong(seeds, range(60), chosen).values():
        for found in (rule.any_of_them, rule.one_test):
            assert 100 * np.mean(found) <= 5.5 + SURE * 100 * (0.05 * 0.95 / 60) ** 0.5


def test_dropping_failures_calls_survivors_better():
    half = {"half": DIVERGENCES["the worse half of every arm"]}
    rule, dropped = wrong(10, range(100), half)["half"]
    assert np.mean(rule.one_test) < 0.01
    assert np.mean(dropped.one_test) > 0.06
