"""Trials on workers with engines of their own."""

import pytest

from harness.config.experiment import load_config
from sweeps.launch.environment import prepare_ray_environment
from sweeps.launch.task import Workload
from sweeps.tuning.trial import TrialJob
from sweeps.tuning.worker import run_trial
from tests.local_ray import local_ray

prepare_ray_environment()

from ray.util import placement_group_table  # noqa: E402 - Ray reads the environment when it is imported

from sweeps.launch.scheduler import _RunScheduler  # noqa: E402


@pytest.mark.distributed
def test_trials_of_one_value_have_slots_of_their_own(tmp_path):
    config = load_config("backend=cpu_engines", "model=large_base")
    first, second = (TrialJob("large_base", place, 0.001, "lr=0.001 large_base", config, (0,), 1.0) for place in (0, 1))
    with local_ray():
        workload = Workload(run_trial, begin=lambda job: job, stopped=lambda _: False)
        scheduler = _RunScheduler(tmp_path, "mark", workload)
        for job in (first, second):
            scheduler._start(job, None)
        scheduler._stop(next(iter(scheduler._running)))
        assert [in_flight.run for in_flight in scheduler._running.values()] == [second]
        assert sorted(group["state"] == "REMOVED" for group in placement_group_table().values()) == [False, True]
        scheduler.cancel()
        assert [group["state"] for group in placement_group_table().values()] == ["REMOVED"] * 2
