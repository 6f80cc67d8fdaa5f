"""Ray for real, once: four runs, two of which cannot load their model."""

import signal
from contextlib import suppress

import pytest

from sweeps.launch.environment import prepare_ray_environment
from sweeps.launch.events import Failure, RunFinished, RunStarted, RunStepped
from sweeps.plan.plan import make_plan
from tests.sweeps.grids import grid, with_broken_model

prepare_ray_environment()

import ray  # noqa: E402 - Ray reads the environment when it is imported

from sweeps.launch.scheduler import launch_runs  # noqa: E402 - Ray reads the environment when it is imported

pytestmark = pytest.mark.distributed

QUICK = "quick: [{norm: none}]\n"
WORDS = 2 * 5 + 2 * 2 * 2  # two good runs say hello, three steps and an end; two bad ones hello and why, twice


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    return make_plan(grid(folder, with_broken_model(folder) + QUICK), False, (), (), {"commit": "abc"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def events(made, folder):
    """What is heard of them. Ctrl-C comes with the last word but one, and the last has arrived when it is asked for."""
    heard, waits = [], ray.wait

    def wait(streams, **options):
        ready, others = waits(streams, **{**options, "timeout": options["timeout"] or 60})
        if ready and len(heard) == WORDS - 2:
            signal.raise_signal(signal.SIGINT)
        return ready, others

    with pytest.MonkeyPatch.context() as patch, suppress(KeyboardInterrupt):
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setattr(ray, "wait", wait)
        for event in launch_runs(made.runs, folder, cores=2):
            heard.extend([event] if event else [])
        pytest.fail("Ctrl-C was not heard")
    return heard


def heard(events, run):
    return [event.what for event in events if event.run == run]


def test_a_run_streams_its_steps_and_ends_with_its_record(events, made, folder):
    run = made.runs[0]
    hello, *reports, done = heard(events, run)
    assert isinstance(hello, RunStarted)
    assert [report.step for report in reports if isinstance(report, RunStepped)] == [0, 1, 2]
    assert isinstance(done, RunFinished)
    assert done.record.run_id == run.run_id
    assert (folder / run.folder / "record.json").read_text() == done.record.to_json()


def test_a_failing_run_is_tried_once_more_and_stops_nothing(events, made):
    for run in made.runs[2:]:
        attempts = [what for what in heard(events, run) if isinstance(what, Failure)]
        assert [failure.final for failure in attempts] == [False, True]
        assert all("broken" in failure.cause for failure in attempts)
    assert sum(isinstance(event.what, RunFinished) for event in events) == 2


def test_two_cores_are_served_by_two_processes(events):
    hellos = [event.what for event in events if isinstance(event.what, RunStarted)]
    assert len(hellos) == 6  # two good runs, and two attempts of each bad one
    assert len({hello.pid for hello in hellos}) == 2


def test_what_the_driver_left_for_the_workers_is_gone(events, made, folder):
    assert {path.name for path in folder.iterdir()} == {run.folder for run in made.runs}


def test_what_had_been_said_when_an_interrupt_came_is_heard(events):
    assert len(events) == WORDS
