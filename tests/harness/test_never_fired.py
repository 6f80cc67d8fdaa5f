from dataclasses import replace

import pytest

from tests.harness.store_samples import RECORD, run

SCORES = {"final/accuracy": 0.5, "fired/clip_higher": 0.0, "fired/group_norm": 0.25, "fired/overlong_filter": 0.0}


def test_a_trick_that_fired_in_no_step_never_fired():
    assert replace(RECORD, scores=SCORES).never_fired == ("clip_higher", "overlong_filter")


def test_a_trick_that_fired_on_one_token_in_a_million_has_fired():
    assert replace(RECORD, scores={"fired/clip_higher": 1e-6}).never_fired == ()


def test_nothing_is_said_of_tricks_whose_firing_was_not_recorded():
    assert RECORD.never_fired == ()


@pytest.mark.parametrize(("scores", "tag"), [(SCORES, "clip_higher, overlong_filter"), (RECORD.scores, None)])
def test_mlflow_marks_runs_with_tricks_that_never_fired(store, scores, tag):
    handle = run(store, replace(RECORD, scores=scores))
    assert store._tracker.client.get_run(handle.uuid).data.tags.get("never_fired") == tag
