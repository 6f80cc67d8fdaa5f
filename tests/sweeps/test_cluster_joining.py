"""Clusters that a sweep cannot use as they are: what it says of them, and what it waits for."""

import subprocess
import sys

import pytest

from tests.sweeps.clusters import cluster
from tests.sweeps.drivers import clean, here, sweep, until
from tests.sweeps.grids import PLAIN, TINY, write

GRID = PLAIN.replace("seeds: [0, 1]", "seeds: [0]") + "quick: [{norm: none, reward_scale: zero_one}]\n" + TINY
WIDE = GRID.replace("steps=2", "steps=2, backend.num_cpus=2")


@pytest.fixture(scope="module")
def ray():
    with cluster(1, RAY_AUTH_MODE="disabled") as running:
        yield running


def asked(folder, text=GRID):
    return [f"grid={write(folder, text)}", f"results={folder / 'results'}"]


def outcome(folder, text=GRID, **environment):
    with sweep(asked(folder, text), folder / "said.txt", **environment) as process:
        return process.wait(), (folder / "said.txt").read_text().splitlines()[-1]


def test_a_cluster_that_is_away_is_named(tmp_path, store):
    code, said = here("run", *asked(tmp_path), RAY_ADDRESS="127.0.0.1:1")
    assert code == 2
    assert said.splitlines()[-1].startswith(
        "RAY_ADDRESS=127.0.0.1:1: no cluster answers ([Errno 111] Connection refused); unset it"
    )


def test_rays_client_is_refused_with_what_works(tmp_path, store):
    code, said = here("run", *asked(tmp_path), RAY_ADDRESS="ray://127.0.0.1:10001")
    assert code == 2
    assert said.endswith("run this on a node of the cluster, with host:port, or submit it as a job\n")


@pytest.mark.distributed
def test_a_driver_with_a_token_on_a_cluster_without_is_told_so(tmp_path, store, ray):
    code, said = outcome(tmp_path, RAY_ADDRESS=ray.address, **(ray.access | {"RAY_AUTH_MODE": "token"}))
    assert (code, said) == (
        2,
        f"RAY_ADDRESS={ray.address}: the cluster asks for no token; set RAY_AUTH_MODE=disabled",
    )


@pytest.mark.distributed
def test_workers_get_the_code_that_they_import_and_nothing_else(ray):
    script = (
        "import os, sys; from sweeps.launch.environment import prepare_ray_environment; prepare_ray_environment()\n"
        "import ray; from sweeps.launch.cluster import open_session\n"
        "with open_session(1): print(*ray.get(ray.remote(num_cpus=0)(lambda: os.listdir('.')).remote()), "
        "file=sys.stderr)"
    )
    environment = {**clean(), **ray.access, "RAY_ADDRESS": ray.address}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert sorted(done.stderr.split()) == ["harness", "sweeps", "tricks"]


@pytest.mark.distributed
def test_a_run_that_no_node_can_hold_is_refused_with_what_there_is(tmp_path, store, ray):
    code, said = outcome(tmp_path, WIDE, RAY_ADDRESS=ray.address, **ray.access)
    assert code == 2
    assert "-s0 asks for 2 CPUs and 0 GPUs, the cluster's nodes have 1 x 1 CPUs and 0 GPUs (" in said
    assert said.endswith("choose another PROFILE, or add a node, or set CLUSTER_WAIT=minutes if a node will join")


@pytest.mark.distributed
def test_a_cluster_that_does_not_grow_in_time_is_given_up(tmp_path, store, ray):
    code, said = outcome(tmp_path, WIDE, RAY_ADDRESS=ray.address, CLUSTER_WAIT="0.02", **ray.access)
    assert code == 2
    assert said.endswith("or add a node; it has not grown within CLUSTER_WAIT=0.02 minutes")


@pytest.mark.distributed
def test_a_cluster_that_grows_in_time_is_used(tmp_path, store, ray):
    said = tmp_path / "said.txt"
    with sweep(asked(tmp_path, WIDE), said, RAY_ADDRESS=ray.address, CLUSTER_WAIT="10", **ray.access) as process:
        until(lambda: "waiting 10 minutes for the cluster to grow" in said.read_text(), process)
        ray.tell("add 2")
        assert process.wait() == 0
    assert "1 runs finished, 0 failed" in said.read_text()
    ray.tell("lose")


@pytest.mark.distributed
def test_a_sweep_whose_only_fitting_node_goes_says_what_is_left_and_how_to_resume(tmp_path, store, ray):
    ray.tell("add 2")
    long = WIDE.replace("steps=2", "steps=100000, checkpoint.every=5")
    said = tmp_path / "said.txt"
    with sweep(asked(tmp_path, long), said, RAY_ADDRESS=ray.address, **ray.access) as process:
        until(lambda: list((tmp_path / "results").glob("runs/*/checkpoints/step-*")), process)
        ray.tell("lose")
        assert process.wait() == 2
    *_, interrupted, resume, refused = said.read_text().splitlines()
    assert interrupted == "interrupted: 0 runs of this sweep are finished and kept, 0 marked KILLED"
    assert resume.startswith("resume with: liteppo sweep ")
    assert "the cluster's nodes have 1 x 1 CPUs and 0 GPUs (" in refused
    assert store.statuses("plain") == {}
