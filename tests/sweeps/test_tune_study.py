"""Searches whose accuracies are functions of the value, so that what Optuna is told and keeps can be seen."""

import sqlite3
import warnings

import pytest
from optuna.trial import TrialState

from sweeps.launch.environment import SweepError
from sweeps.launch.events import RunStepped
from sweeps.tuning.study import COMPARED, open_database
from sweeps.tuning.trial import count_averaged_steps
from sweeps.tuning.worker import ACCURACY
from tests.sweeps.grids import TINY
from tests.sweeps.tuning import MODELS, queue, run, run_all, search

STEPS = 8
LONGER = MODELS.replace(TINY, TINY.replace("steps=2", f"steps={STEPS}"))


def cliff(value, seed, step):
    """Learning rates above 0.001 destroy the policy at once; below, more is better. One seed has easier problems."""
    return (0.0 if value > 1e-3 else 0.4 + 100 * value) + 0.05 * (seed == 1002)


def test_the_grids_own_value_is_tried_first(tmp_path):
    with search(tmp_path) as found:
        assert found.ask().value == found.subject.own == 3e-4


def test_values_have_three_digits_and_lie_in_the_range(tmp_path):
    with search(tmp_path, trials=16, low=2e-4, high=4e-4) as found:
        values = run_all(found, cliff)
    assert all(2e-4 <= value <= 4e-4 and float(f"{value:.3g}") == value for value in values)


def test_a_bad_value_is_given_up_at_the_first_step_that_may_be_compared(tmp_path):
    with search(tmp_path, trials=6, text=LONGER) as found:
        queue(found, 2e-3, 1e-4, 2e-4, 2.5e-3, 4e-4)  # after the grid's own, 3e-4
        run_all(found, cliff)
        outcomes = found.outcomes()
    assert [outcome.state for outcome in outcomes] == ["finished"] * COMPARED + ["pruned", "finished"]
    assert outcomes[4].stopped == f"seed 1001, step {count_averaged_steps(STEPS)}"
    assert (outcomes[4].objective, outcomes[4].seeds) == (None, ())


def test_a_trial_that_has_come_to_its_end_is_not_given_up_there(tmp_path):
    late = lambda value, seed, step: 0.5 if (seed, step) != (1002, 2) or value == 3e-4 else 0.0  # noqa: E731
    with search(tmp_path, trials=8) as found:
        run_all(found, late)
        assert {outcome.state for outcome in found.outcomes()} == {"finished"}


def test_the_objective_is_the_mean_over_seeds_of_the_last_steps(tmp_path):
    # The window of 8 steps is 2: (0.7 + 0.8) / 2 = 0.75 and 0.1 more with the second seed.
    with search(tmp_path, text=LONGER) as found:
        run(found, found.ask(), lambda value, seed, step: step / 10 + 0.1 * (seed == 1002))
        (outcome,) = found.outcomes()
    assert outcome.seeds == pytest.approx((0.75, 0.85))
    assert outcome.objective == pytest.approx(0.80)


def test_a_search_goes_on_where_it_was_left_and_repeats_nothing(tmp_path):
    with search(tmp_path, trials=4) as found:
        first = run_all(found, cliff)
    with search(tmp_path, trials=10) as found:
        assert found.left() == 6
        second = run_all(found, cliff)
        assert found.left() == 0
    assert not set(first) & set(second)
    with search(tmp_path, trials=10) as found:
        assert run_all(found, cliff) == []


def test_a_search_that_goes_on_does_not_draw_its_first_values_again(tmp_path):
    with search(tmp_path, trials=2) as found:
        first = run_all(found, cliff)  # the grid's own value and one that is drawn at random
    with search(tmp_path, trials=3) as found:
        job = found.ask()
    assert job
    assert job.value not in first


def test_trials_that_were_cut_off_begin_again_with_their_values(tmp_path):
    with search(tmp_path, trials=4) as found:
        run(found, found.ask(), cliff)
        cut = [found.ask(), found.ask()]  # two workers, and then kill -9
    with search(tmp_path, trials=4) as found:
        assert found.left() == 3
        assert [found.ask().value, found.ask().value] == [job.value for job in cut]


def test_a_value_that_has_been_tried_is_not_run_again(tmp_path):
    # At three digits there are eleven values between 1.00e-4 and 1.10e-4.
    with search(tmp_path, trials=24, low=1e-4, high=1.1e-4) as found:
        values = run_all(found, cliff)
        outcomes = found.outcomes()
    assert len(values) == len(set(values)) <= 11
    assert len(outcomes) == 24
    assert sum(outcome.repeats for outcome in outcomes) == 24 - len(values)
    for outcome in outcomes:
        if outcome.repeats:
            assert outcome.objective == next(other.objective for other in outcomes if other.value == outcome.value)


def test_a_trial_that_failed_counts_and_is_told_with_its_cause(tmp_path):
    with search(tmp_path, trials=1) as found:
        job = found.ask()
        found.start(job)
        found.fail(job, "ValueError: no")
        assert found.left() == 0
        (outcome,) = found.outcomes()
    assert (outcome.state, outcome.stopped) == ("failed", "ValueError: no")


def test_a_second_attempt_counts_alone_and_reports_no_step_twice(tmp_path):
    with search(tmp_path, trials=1) as found, warnings.catch_warnings():
        warnings.simplefilter("error")  # Optuna warns about a step that it has
        job = found.ask()
        found.start(job)
        for step in (1, 2, 3):
            found.on_event(job, RunStepped(step, {ACCURACY: 0.1}))
        assert run(found, job, lambda value, seed, step: 0.5 + 0.1 * step) == "finished"
        (outcome,) = found.outcomes()
    assert outcome.seeds == pytest.approx((0.7, 0.7))
    with sqlite3.connect(tmp_path / "plain.db") as connection:
        kept = connection.execute("select step, intermediate_value from trial_intermediate_values").fetchall()
    connection.close()
    assert dict(kept) == pytest.approx({1: 0.1, 2: 0.1, 3: 0.1, 4: 0.7})


def test_a_trial_that_was_cut_off_between_its_attempts_begins_again(tmp_path):
    with search(tmp_path, trials=1) as found:
        job = found.ask()
        found.start(job)
        found.on_event(job, RunStepped(1, {ACCURACY: 0.1}))  # and its worker fails, and then kill -9
    with search(tmp_path, trials=1) as found:
        again = found.ask()
        assert (again.value, again.number) == (job.value, job.number + 1)
        assert run(found, again, cliff) == "finished"
        assert found.left() == 0


def test_a_tuning_that_an_earlier_version_left_between_two_attempts_goes_on(tmp_path):
    with search(tmp_path, trials=1) as found:  # what it wrote: a failed trial, and the second attempt in the queue
        first = found.ask()
        trial = found._asked[first.number]
        trial.set_user_attr("stopped", "ValueError: no")
        trial.set_user_attr("final", False)
        found._study.tell(trial, state=TrialState.FAIL)
        found._study.enqueue_trial(trial.params, user_attrs={"attempt": 2})
    with search(tmp_path, trials=1) as found:
        assert found.left() == 1
        again = found.ask()
        assert again.value == first.value
        run(found, again, cliff)
        assert found.left() == 0
        assert [outcome.state for outcome in found.outcomes()] == ["finished"]


@pytest.mark.parametrize("other", [{"low": 1e-5}, {"steps": 3}, {"seeds": (1001, 1003)}])
def test_another_range_length_or_seed_is_another_search(tmp_path, other):
    with search(tmp_path, trials=2) as found:
        run_all(found, cliff)
    with search(tmp_path, trials=2, **other) as found:
        assert found.left() == 2


def test_what_is_kept_is_a_sqlite_file_without_a_pickle(tmp_path):
    with search(tmp_path, trials=2) as found:
        run_all(found, cliff)
    with sqlite3.connect(tmp_path / "plain.db") as connection:
        kept = [value for (value,) in connection.execute("select value_json from trial_user_attributes")]
    connection.close()
    assert '"c0ffee"' in kept
    assert all(isinstance(value, str) for value in kept)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "plain.db").write_text("this is no database, but it is long enough to be taken for one" * 40)
    with (
        pytest.raises(SweepError, match=r"plain\.db: the database cannot be used .*; move it away"),
        open_database(tmp_path / "plain.db"),
    ):
        pass
