"""The launcher's own part, without a cluster: tasks of Ray are generators here, which go on when they are asked."""

from collections import deque
from pathlib import Path

import pytest
import ray

from sweeps.environment import prepare
from sweeps.events import Done, Failure, Hello, Report
from sweeps.plan import make_plan
from sweeps.worker import perform
from tests.sweeps.grids import grid, with_broken_model

prepare()

from sweeps import launch  # noqa: E402 - Ray reads the environment when it is imported

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

    def remote(self, run, folder, mark):
        del mark
        return self._work(run, folder)

    def wait(self, streams, num_returns, timeout):
        del num_returns, timeout
        self.at_once = max(self.at_once, len(streams))
        return streams[-1:], streams[:-1]

    @staticmethod
    def _work(run, folder):
        yield Hello(1, "here", "node")
        yield from perform(run, Path(folder) / run.folder)


@pytest.fixture
def made(tmp_path):
    return make_plan(grid(tmp_path, with_broken_model(tmp_path) + QUICK), False, (), (), {"commit": "abc"})


@pytest.fixture
def tasks(monkeypatch):
    tasks = Tasks()
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(launch, "_TASK", tasks)
    monkeypatch.setattr(ray, "wait", tasks.wait)
    monkeypatch.setattr(ray, "get", lambda message: message)
    monkeypatch.setattr(ray, "cancel", lambda stream, force: tasks.cancelled.append((stream, force)))
    monkeypatch.setattr(ray, "nodes", lambda: [{**HERE, "Resources": {"CPU": 2.0}}])
    return tasks


def heard(events, run):
    return [event.what for event in events if event.run == run]


def test_every_run_is_heard_to_its_end_and_a_failing_one_is_tried_once_more(made, tasks, tmp_path):
    events = [event for event in launch._Flight(tmp_path, "mark").events(deque(made.runs)) if event]
    for run in made.runs[:2]:
        hello, *reports, done = heard(events, run)
        assert isinstance(hello, Hello)
        assert [report.step for report in reports if isinstance(report, Report)] == [0, 1, 2]
        assert isinstance(done, Done)
        assert done.record.run_id == run.run_id
    for run in made.runs[2:]:
        failures = [what for what in heard(events, run) if isinstance(what, Failure)]
        assert [failure.final for failure in failures] == [False, True]
        assert all("broken" in failure.cause for failure in failures)


def test_as_many_run_at_once_as_fit_and_ask_for_what_their_backend_says(made, tasks, tmp_path):
    list(launch._Flight(tmp_path, "mark").events(deque(made.runs)))
    assert tasks.at_once == 2
    assert sorted(asked["name"] for asked in tasks.asked) == sorted(
        [run.run_id for run in made.runs] + [run.run_id for run in made.runs[2:]]
    )
    assert {(asked["num_cpus"], asked["num_gpus"]) for asked in tasks.asked} == {(1, 0)}


def test_what_still_runs_is_cancelled_at_once(made, tasks, tmp_path):
    flying = launch._Flight(tmp_path, "mark")
    events = flying.events(deque(made.runs))
    next(events)
    running = list(flying._running)
    flying.cancel()
    assert tasks.cancelled == [(stream, True) for stream in running]
    assert len(running) == 2
