from types import SimpleNamespace

import pytest

from harness.config.experiment import load_config
from sweeps.launch.capacity import ClusterNode, has_room_for, has_total_resources, read_patience
from sweeps.launch.environment import SweepError, prepare_ray_environment

prepare_ray_environment()

from sweeps.launch import capacity  # noqa: E402 - Ray reads the environment when it is imported
from sweeps.launch.scheduler import is_startable  # noqa: E402


def node(cpus, gpus=0.0, host="one"):
    return ClusterNode(host, {"CPU": cpus, "GPU": gpus})


def asking(*overrides):
    return SimpleNamespace(run_id="abc-s0", config=load_config(*overrides))


def test_a_part_must_lie_on_one_node():
    assert has_room_for([node(2.0)], [{"CPU": 2.0}])
    assert not has_room_for([node(1.0), node(1.0)], [{"CPU": 2.0}])
    assert has_room_for([node(1.0), node(1.0)], [{"CPU": 1.0}, {"CPU": 1.0}])


def test_parts_share_a_node_until_it_is_full():
    pair = [{"CPU": 1.0, "GPU": 1.0}] * 2
    assert has_room_for([node(2.0, 2.0)], pair)
    assert not has_room_for([node(2.0, 1.0)], pair)
    assert has_room_for([node(2.0, 1.0), node(1.0, 1.0)], pair)


def test_large_parts_are_placed_before_small_ones_take_their_node():
    assert has_room_for([node(4.0, 4.0), node(4.0, 1.0)], [{"CPU": 1.0, "GPU": 1.0}, {"CPU": 1.0, "GPU": 4.0}])


def test_room_counts_over_all_nodes():
    assert has_total_resources([node(1.0), node(1.0)], [{"CPU": 2.0}])
    assert not has_total_resources([node(1.0), node(1.0)], [{"CPU": 2.5}])


def test_a_run_waits_for_room_beside_others_and_never_starts_where_no_node_holds_it():
    small, large = asking("backend.num_cpus=1"), asking("backend.num_cpus=2")
    assert is_startable(small, [small], [node(2.0)])
    assert not is_startable(small, [small, small], [node(2.0)])
    assert not is_startable(large, [small, small], [node(1.0), node(2.0)])
    assert not is_startable(large, [], [node(1.0), node(1.0)])


@pytest.mark.parametrize(("given", "seconds"), [("", 0.0), ("15", 900.0), ("0.5", 30.0)])
def test_cluster_wait_is_in_minutes(given, seconds, monkeypatch):
    monkeypatch.setenv("CLUSTER_WAIT", given)
    assert read_patience() == seconds


@pytest.mark.parametrize("given", ["soon", "-1", "inf", "nan"])
def test_a_cluster_wait_that_is_no_number_of_minutes_is_refused(given, monkeypatch):
    monkeypatch.setenv("CLUSTER_WAIT", given)
    with pytest.raises(SweepError, match=f"CLUSTER_WAIT={given}: write minutes, such as CLUSTER_WAIT=15"):
        read_patience()


def test_what_no_node_holds_is_named_with_what_each_has_and_the_ways_out(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    run = asking("backend.num_cpus=8", "backend.num_gpus=1")
    lack = capacity._lack(run, [node(4.0, 0.0, "a"), node(16.0, 0.0, "b"), node(4.0, 0.0, "c")])
    assert lack == (
        "abc-s0 asks for 8 CPUs and 1 GPUs, the cluster's nodes have "
        "2 x 4 CPUs and 0 GPUs (a, c), 1 x 16 CPUs and 0 GPUs (b)"
    )
