from dataclasses import replace

import numpy as np

from analysis.curves.equal_cost import CPU, WALL, choose_clock, count_unknown_costs, read_learning_curves
from analysis.study.runs import build_runs_frame, select_planned
from tests.analysis.samples import STUDY, failed, run
from tests.analysis.trajectory.curves import history

TAKEN = select_planned(build_runs_frame([run(0, 0), run(1, 0), failed(3, 0)]), STUDY)
ACCURACY = {"c0-s0": (0.1, 0.2, 0.4), "c1-s0": (0.1, 0.3, 0.5), "c3-s0": (0.1, 0.1, 0.1)}


def test_a_point_has_cost_the_steps_before_it():
    found = read_learning_curves(STUDY, TAKEN, history(ACCURACY, {"c0-s0": (10, 20, 40)}, {"c0-s0": (1, 2, 3)}))[0][0]
    assert found.steps.tolist() == [0, 1, 2]
    assert found.tokens.tolist() == [0, 10, 30]
    assert found.seconds.tolist() == [0, 1, 3]


def test_failed_runs_have_no_course():
    assert read_learning_curves(STUDY, TAKEN, history(ACCURACY)).keys() == {0, 1}


def test_runs_that_did_not_count_their_tokens_say_so_and_keep_the_rest():
    found = read_learning_curves(STUDY, TAKEN, history(ACCURACY, {"c0-s0": (10, 20, 40)}))
    assert found[1][0].tokens is None
    assert found[1][0].steps.tolist() == [0, 1, 2]
    assert (count_unknown_costs(found, "tokens"), count_unknown_costs(found, "seconds")) == (1, 2)


def test_a_gap_in_the_count_leaves_the_cost_unknown():
    # Step 2 of three is missing; the third point's cost cannot be known.
    counted = {
        "rollout/accuracy": {"c0-s0": ((1, 0.1), (2, 0.2), (3, 0.3))},
        "rollout/tokens": {"c0-s0": ((1, 10), (3, 10))},
    }
    assert read_learning_curves(STUDY, TAKEN, lambda metric: counted.get(metric, {}))[0][0].tokens is None


def test_a_step_without_an_accuracy_costs_what_it_cost():
    counted = {
        "rollout/accuracy": {"c0-s0": ((1, 0.1), (3, 0.3))},
        "rollout/tokens": {"c0-s0": ((1, 10), (2, 20), (3, 40))},
    }
    found = read_learning_curves(STUDY, TAKEN, lambda metric: counted.get(metric, {}))[0][0]
    assert np.array_equal(found.steps, [0, 2])
    assert np.array_equal(found.tokens, [0, 30])


def test_seconds_are_the_processors_on_a_laptop_and_wall_time_elsewhere():
    assert choose_clock(STUDY) == CPU
    assert choose_clock(replace(STUDY, profile="gpu")) == WALL
