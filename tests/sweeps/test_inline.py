import os
import signal
from dataclasses import replace

import pytest

from sweeps.launch.events import Failure, RunFinished, RunStarted, RunStepped
from sweeps.launch.inline import launch_inline
from sweeps.launch.task import PLANNED
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


def test_a_workload_stops_a_run_in_process_and_leaves_out_a_place_without_one(runs, tmp_path):
    steps = []
    workload = replace(PLANNED, begin=lambda place: place if place is runs[0] else None, stopped=lambda _: 1 in steps)
    said = []
    for event in launch_inline(runs[:2], tmp_path, workload):
        said.append(event.what)
        steps += [event.what.step] if isinstance(event.what, RunStepped) else []
    assert [type(what) for what in said] == [RunStarted, RunStepped, RunStepped]
    assert steps == [0, 1]


def test_ctrl_c_in_process_ends_between_two_events(runs, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    events = launch_inline(runs[:1], tmp_path)
    assert isinstance(next(events).what, RunStarted)
    signal.raise_signal(signal.SIGINT)  # where the driver handles an event
    with pytest.raises(KeyboardInterrupt):
        next(events)
    assert signal.getsignal(signal.SIGINT) == before
