"""What counts against a run, and what does not."""

import subprocess
import sys
from itertools import islice

import pytest

from sweeps.launch.environment import prepare_ray_environment

prepare_ray_environment()

import ray  # noqa: E402 - Ray reads the environment when it is imported

from harness.common.signals import Preempted  # noqa: E402
from sweeps.launch.retry import MAX_LOSSES, Attempts, is_node_failure  # noqa: E402
from tests.sweeps.clusters import cluster  # noqa: E402
from tests.sweeps.drivers import PATIENCE, clean  # noqa: E402

# Tasks on the head ask actors, as runs ask engines and ranks: directly, through a pool and through a group of ranks.
# First each actor dies by itself, then all go with their node, where no other could start; last, an idle one is asked.
ASKING = """
import os, sys, time
from pathlib import Path
from sweeps.launch.environment import prepare_ray_environment
prepare_ray_environment()
import ray
from harness.engines.deepspeed.learner import RankGroup
from harness.engines.vllm.pool import EnginePool
from sweeps.launch.retry import is_node_failure

folder, HERE, FAR, DEADLY = Path(sys.argv[1]), {}, {"resources": {"far": 0.1}}, -1
THERE = {"num_cpus": 0, "resources": {"node:__internal_head__": 0.1}, "max_retries": 0}

class Actor:
    def take(self, seconds):
        if seconds == DEADLY:
            os.kill(os.getpid(), 9)
        if seconds:
            (folder / str(os.getpid())).touch()
        time.sleep(seconds)

def actor(where):
    return ray.remote(num_cpus=0, **where)(Actor).remote()

def alone(where, seconds):
    ray.get(actor(where).take.remote(seconds))

def pool(where, seconds, engine=None):
    EnginePool([engine or actor(where)], lambda index: actor(where)).call("take", [(seconds,)])

def ranks(where, seconds):
    RankGroup([actor(HERE), actor(where)]).call("take", each=[(0,), (seconds,)])

def begin(where, seconds):
    return [ray.remote(**THERE)(way).remote(where, seconds) for way in (alone, pool, ranks)]

def end(asking):
    for each in asking:
        try:
            ray.get(each, timeout=120)
        except ray.exceptions.GetTimeoutError:
            print("hangs", flush=True)
        except Exception as error:
            print(is_node_failure(error, "another node"), flush=True)

ray.init(log_to_driver=False)
end(begin(HERE, DEADLY))
idle, asking = actor(FAR), begin(FAR, 600)
ray.get(idle.take.remote(0))
while len(list(folder.iterdir())) < 3:
    time.sleep(0.1)
print("asking", flush=True)
end(asking)
while sum(node["Alive"] for node in ray.nodes()) > 1:
    time.sleep(0.1)
end([ray.remote(**THERE)(pool).remote(FAR, 0, idle)])
"""
SAID = {"asking", "hangs", "True", "False"}  # not Ray's


def test_a_run_that_fails_by_itself_is_tried_twice():
    once = Attempts().after(lost=False)
    assert not once.over
    assert once.after(lost=False).over


def test_losses_do_not_count_as_failures_but_end_at_a_bound():
    tries = Attempts()
    for _ in range(MAX_LOSSES - 1):
        tries = tries.after(lost=True)
    assert not tries.over
    assert not tries.after(lost=False).over
    assert tries.after(lost=True).over


def test_what_a_run_was_asked_to_leave_is_a_loss_and_its_own_error_is_none():
    assert is_node_failure(Preempted("stopped"), "")
    assert not is_node_failure(ValueError("no"), "")


def test_a_worker_that_died_is_a_loss_where_its_node_died_too(monkeypatch):
    there = [{"NodeID": "a", "Alive": True}, {"NodeID": "b", "Alive": False}]
    monkeypatch.setattr("ray.nodes", lambda: there)
    error = ray.exceptions.WorkerCrashedError()
    assert is_node_failure(error, "b")
    assert not is_node_failure(error, "a")


@pytest.mark.distributed
def test_engines_and_ranks_that_die_are_failures_and_those_that_their_node_takes_with_it_losses(tmp_path):
    with cluster(1) as ray:
        ray.tell("add 1 far")
        environment = {**clean(), **ray.access, "RAY_ADDRESS": ray.address}
        command = [sys.executable, "-c", ASKING, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as asking:
            words = (word for line in asking.stdout if (word := line.strip()) in SAID)
            assert list(islice(words, 4)) == [*["False"] * 3, "asking"]
            ray.tell("lose")
            assert list(words) == ["True"] * 4
            assert asking.wait(PATIENCE) == 0
