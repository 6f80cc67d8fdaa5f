import os

import pytest

from sweeps.launch.events import Failure, RunFinished, RunStarted
from sweeps.launch.inline import launch_inline
from sweeps.plan.plan import make_plan
from tests.sweeps.grids import grid, with_broken_model


@pytest.fixture
def runs(tmp_path):
    return make_plan(grid(tmp_path, with_broken_model(tmp_path), seeds=(0,)), False, (), (), {}).runs


def test_a_run_in_process_tells_the_same_story_as_on_ray(runs, tmp_path):
    said = [event.what for event in launch_inline(runs[:1], tmp_path)]
    assert said[0] == RunStarted(os.getpid(), os.uname().nodename)
    assert isinstance(said[-1], RunFinished)


def test_a_failure_in_process_is_tried_once_more_too(runs, tmp_path):
    said = [event.what for event in launch_inline(runs[2:3], tmp_path)]
    failures = [what for what in said if isinstance(what, Failure)]
    assert [failure.final for failure in failures] == [False, True]
    assert "Traceback" in failures[0].trace
