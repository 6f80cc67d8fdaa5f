"""The launcher's own part, without a cluster: tasks of Ray are generators here, which go on when they are asked."""

from collections import deque
from dataclasses import replace
from pathlib import Path

import pytest
import ray

from sweeps.launch.environment import prepare_ray_environment
from sweeps.launch.events import Failure, RunFinished, RunStarted, RunStepped
from sweeps.launch.task import PLANNED
from sweeps.plan.plan import make_plan
from tests.sweeps.grids import grid, with_broken_model

prepare_ray_environment()

from sweeps.launch import scheduler as launch  # noqa: E402 - Ray reads the environment when it is imported

QUICK = "quick: [{norm: none}]\n"
HERE = {"Alive": True, "NodeManagerHostname": "here"}


class Tasks:
    """What ``ray.remote`` gives, for work in this process."""

    def __init__(self):
        self.asked = []  # the options of each task
        self.cancelled = []
        self.at_once = 0

    def options(self, **asked):
        self.asked.append(asked)
        return self

    def remote(self, run, folder, mark, perform):
        del mark
        return self._work(perform(run, Path(folder)))

    def wait(self, streams, num_returns, timeout):
        del num_returns, timeout
        self.at_once = max(self.at_once, len(streams))
        return streams[-1:], streams[:-1]

    @staticmethod
    def _work(messages):
        yield RunStarted(1, "here", "node")
        yield from messages


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    return make_plan(grid(folder, with_broken_model(folder) + QUICK), False, (), (), {"commit": "abc"})


@pytest.fixture(scope="module")
def tasks():
    tasks = Tasks()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setattr(launch, "_TASK", tasks)
        patch.setattr(ray, "wait", tasks.wait)
        patch.setattr(ray, "get", lambda message: message)
        patch.setattr(ray, "cancel", lambda stream, force: tasks.cancelled.append((stream, force)))
        patch.setattr(ray, "nodes", lambda: [{**HERE, "Resources": {"CPU": 2.0}}])
        yield tasks


@pytest.fixture(scope="module")
def flown(made, tasks, tmp_path_factory):
    """The events of all runs, and the names and resources that tasks were given meanwhile."""
    flight = launch._RunScheduler(tmp_path_factory.mktemp("runs"), "mark", PLANNED)
    events = [event for event in flight.events(deque(made.runs)) if event]
    return events, list(tasks.asked)


def heard(events, run):
    return [event.what for event in events if event.run == run]


def test_every_run_is_heard_to_its_end_and_a_failing_one_is_tried_once_more(made, flown):
    events, _ = flown
    for run in made.runs[:2]:
        hello, *reports, done = heard(events, run)
        assert isinstance(hello, RunStarted)
        assert [report.step for report in reports if isinstance(report, RunStepped)] == [0, 1, 2]
        assert isinstance(done, RunFinished)
        assert done.record.run_id == run.run_id
    for run in made.runs[2:]:
        failures = [what for what in heard(events, run) if isinstance(what, Failure)]
        assert [failure.final for failure in failures] == [False, True]
        assert all("broken" in failure.cause for failure in failures)


def test_as_many_run_at_once_as_fit_and_ask_for_what_their_backend_says(made, tasks, flown):
    _, given = flown
    assert tasks.at_once == 2
    assert sorted(asked["name"] for asked in given) == sorted(
        [run.run_id for run in made.runs] + [run.run_id for run in made.runs[2:]]
    )
    assert {(asked["num_cpus"], asked["num_gpus"]) for asked in given} == {(1, 0)}


def test_what_still_runs_is_cancelled_at_once(made, tasks, tmp_path):
    flying = launch._RunScheduler(tmp_path, "mark", PLANNED)
    events = flying.events(deque(made.runs))
    next(events)
    running = list(flying._running)
    flying.cancel()
    assert tasks.cancelled == [(stream, True) for stream in running]
    assert len(running) == 2


def test_a_workload_chooses_each_run_when_there_is_room_and_stops_it_at_once(made, tasks, tmp_path):
    first, none, rooms, steps = made.runs[0], made.runs[1], [], {}
    places = [replace(first, run_id=f"run{place}", study=f"study{place}") for place in range(3)]

    def begin(place):
        rooms.append(len(flying._running))
        return None if place is none else place

    workload = replace(PLANNED, begin=begin, stopped=lambda run: steps.get(run.run_id) == 1)
    flying, before = launch._RunScheduler(tmp_path, "mark", workload), len(tasks.cancelled)
    for event in flying.events(deque([places[0], none, places[1], none, places[2]])):
        assert event
        assert isinstance(event.what, RunStarted | RunStepped)
        steps[event.run.run_id] = getattr(event.what, "step", None)
    assert steps == {"run0": 1, "run1": 1, "run2": 1}
    assert len(tasks.cancelled) - before == 3
    assert rooms == [0, 1, 1, 1, 1]  # two processors
    assert not flying._running
