"""Runs with engines of their own through the launcher: one worker for all, gone for the run that comes after."""

import psutil
import pytest

from sweeps.launch.environment import prepare_ray_environment
from sweeps.launch.events import RunFinished, RunStarted
from sweeps.plan.plan import make_plan
from tests.sweeps.grids import grid

prepare_ray_environment()

from sweeps.launch.scheduler import launch_runs  # noqa: E402 - Ray reads the environment when it is imported

pytestmark = [pytest.mark.distributed, pytest.mark.engines]

TEXT = """
question: Do engines outlive a run?
metric: final/accuracy
feeds: [study]
axes:
  backend:
    engines: [backend=cpu_engines]
    torch: [backend=hf]
baseline: {backend: torch}
seeds: [0, 1]
overrides: [model=large_base, steps=1, rollout.prompts_per_batch=4, rollout.max_prompt_length=128,
            rollout.max_response_length=16, eval.problems=2, eval.samples=2]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_plan(grid(tmp_path_factory.mktemp("grid"), TEXT), False, (), (), {"commit": "abc"})


@pytest.fixture(scope="module")
def events(made, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        return [event for event in launch_runs(made.runs, tmp_path_factory.mktemp("runs"), cores=2) if event]


def pids(events, label):
    return [
        event.what.pid
        for event in events
        if isinstance(event.what, RunStarted) and event.run.labels["backend"] == label
    ]


def test_all_runs_end_with_a_record(events, made):
    assert {event.run.run_id for event in events if isinstance(event.what, RunFinished)} == {
        run.run_id for run in made.runs
    }


def test_one_worker_takes_the_runs_with_engines_one_after_the_other(events):
    first, second = pids(events, "engines")
    assert first == second


def test_engines_start_once_a_worker(events):
    """The first run pays for the start of three processes, which takes longer than all that a second one does."""
    spent = [event.what.record for event in events if isinstance(event.what, RunFinished)]
    first, second = (record.cpu_seconds for record in spent if record.labels["backend"] == "engines")
    assert second < first / 2


def test_the_worker_is_gone_for_runs_without_engines(events):
    assert not set(pids(events, "torch")) & set(pids(events, "engines"))
    assert not any(psutil.pid_exists(pid) for pid in pids(events, "engines"))


def test_sampler_and_learner_are_compared_after_every_sync(events):
    gaps = [
        event.what.metrics["parity/gap_max"]
        for event in events
        if event.run.labels["backend"] == "engines" and getattr(event.what, "step", 0)
    ]
    assert len(gaps) == 2
    assert all(0 <= gap < 1e-3 for gap in gaps)
