"""Trials on workers with engines of their own."""

import pytest

from harness.common.signals import Interrupts
from harness.config.experiment import load
from sweeps.launch.environment import prepare
from sweeps.tuning.trial import TrialJob
from tests.local_ray import local_ray

prepare()

from ray.util import placement_group_table  # noqa: E402 - Ray reads the environment when it is imported

from sweeps.tuning.ray_pool import RayPool  # noqa: E402


@pytest.mark.distributed
def test_trials_of_one_value_have_slots_of_their_own():
    config = load("backend=cpu_engines", "model=large_base")
    first, second = (TrialJob("large_base", number, 0.001, "large_base lr=0.001", config, (0,)) for number in range(2))
    with local_ray():
        pool = RayPool(Interrupts(), 0.1)
        for job in (first, second):
            pool.start(job)
        pool.stop(first)
        assert pool.running == (second,)
        pool.close()
        assert [group["state"] for group in placement_group_table().values()] == ["REMOVED"] * 2
