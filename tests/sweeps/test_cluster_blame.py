"""What counts against a run, and what does not."""

import os
import subprocess
import sys

import pytest

from sweeps.environment import prepare

prepare()

from harness.checkpoint.preemption import Preempted  # noqa: E402 - Ray reads the environment when it is imported
from sweeps.losses import LOSSES, Tries, lost  # noqa: E402
from tests.sweeps.clusters import PATIENCE, SETTINGS, cluster  # noqa: E402

# A task on the head asks an actor, as a run asks an engine of its own. One dies by itself, one with its node.
ASKING = """
import os, time
from sweeps.environment import prepare
prepare()
import ray
from sweeps.losses import lost

class Engine:
    def answer(self, seconds):
        time.sleep(seconds)
        return os.getpid()

def run(engine):
    ray.get(engine.answer.remote(600))

def ask(engine):
    asking = ray.remote(num_cpus=1, max_retries=0)(run).remote(engine)
    ray.wait([asking], timeout=3)
    return asking

def end(asking):
    try:
        ray.get(asking)
    except Exception as error:
        print(lost(error, "another node"), flush=True)

ray.init(log_to_driver=False)
here, far = (ray.remote(num_cpus=0, **options)(Engine).remote() for options in ({}, {"resources": {"far": 1}}))
pid = ray.get(here.answer.remote(0))
asking = ask(here)
os.kill(pid, 9)
end(asking)
ray.get(far.answer.remote(0))
asking = ask(far)
print("asking", flush=True)
end(asking)
"""


def test_a_run_that_fails_by_itself_is_tried_twice():
    once = Tries().after(lost=False)
    assert not once.over
    assert once.after(lost=False).over


def test_losses_do_not_count_as_failures_but_end_at_a_bound():
    tries = Tries()
    for _ in range(LOSSES - 1):
        tries = tries.after(lost=True)
    assert not tries.over
    assert not tries.after(lost=False).over
    assert tries.after(lost=True).over


def test_what_a_run_was_asked_to_leave_is_a_loss_and_its_own_error_is_none():
    assert lost(Preempted("stopped"), "")
    assert not lost(ValueError("no"), "")


@pytest.mark.slow
def test_an_engine_that_dies_is_a_failure_and_one_that_its_node_takes_with_it_a_loss():
    with cluster(1) as ray:
        ray.tell("add 1 far")
        clean = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        environment = {**clean, **ray.access, "RAY_ADDRESS": ray.address}
        command = [sys.executable, "-c", ASKING]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as asking:
            words = (line.strip() for line in asking.stdout if line.strip() in {"asking", "True", "False"})  # not Ray's
            assert [next(words), next(words)] == ["False", "asking"]
            ray.tell("lose")
            assert next(words) == "True"
            assert asking.wait(PATIENCE) == 0
