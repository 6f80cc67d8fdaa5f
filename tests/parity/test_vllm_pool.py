"""Calls to several actors as to one. Any actor will do; a real engine dies in ``test_vllm_sampler``."""

from __future__ import annotations

from typing import Any

import pytest
import ray

from harness.engines.base.remote import EngineError
from harness.engines.deepspeed.broadcast import Engines
from harness.engines.vllm.engine import VllmEngine
from harness.engines.vllm.pool import EnginePool, await_call
from harness.engines.vllm.sampler import VllmSampler
from tests.parity.actors import Counter, Listener, Sleeper
from tests.parity.engines import vocabulary


def counter(deadly: int = -1) -> Any:
    return ray.remote(Counter).options(num_cpus=0).remote(deadly)


@pytest.fixture
def pool(cluster: None) -> EnginePool:
    """Two actors, of which the second dies of a 7; what comes in its place does not."""
    found = EnginePool([counter(), counter(deadly=7)], lambda index: counter())
    found.update_weights([ray.put(100), ray.put(20)])
    return found


def test_each_engine_gets_its_own_arguments(pool: EnginePool) -> None:
    assert pool.call("plus", [(1,), (2,)]) == [121, 122]
    assert pool.call("plus", [(1,)]) == [121]
    assert pool.call_all("plus", 3) == [123, 123]


def test_a_dead_engine_is_replaced_and_brought_up_to_date(pool: EnginePool) -> None:
    before = pool.engines
    assert pool.call("plus", [(6,), (7,)]) == [126, 127]
    assert pool.engines[0] == before[0]
    assert pool.engines[1] != before[1]


@pytest.mark.distributed
def test_what_died_in_one_call_may_die_in_another(pool: EnginePool) -> None:
    pool.call("plus", [(6,), (7,)])
    ray.kill(pool.engines[1])
    assert pool.call("plus", [(6,), (7,)]) == [126, 127]


@pytest.mark.distributed
def test_an_engine_that_says_it_is_broken_is_replaced_too(cluster: None) -> None:
    broken = EnginePool([counter()], lambda index: counter())
    with pytest.raises(EngineError, match=r"^engine 0 of vLLM died, .* died again in the same call: .*: broken inside"):
        broken.call_all("plus", 500)


def test_another_error_comes_out_as_it_is_and_replaces_nothing(pool: EnginePool) -> None:
    before = pool.engines
    with pytest.raises(LookupError, match="no such number"):
        pool.call_all("plus", 404)
    assert pool.engines == before


def test_weights_that_were_broadcast_cannot_be_given_to_another_engine(pool: EnginePool) -> None:
    class Weights:
        def broadcast(self, engines: Any) -> None:
            ray.get([engine.update_weights.remote(1000) for engine in engines])

    pool.broadcast(Weights())
    assert pool.call_all("plus", 1) == [1001, 1001]
    with pytest.raises(EngineError, match=r"^engine 1 of vLLM died: .*sent by NCCL .* vllm\.sync=object_store$"):
        pool.call("plus", [(6,), (7,)])


# Here and not in test_vllm_nccl, so that one Ray serves all tests of the default tier that need one.
def test_engines_follow_the_sender_in_one_row_of_ranks(cluster: None) -> None:
    listeners = [ray.remote(Listener).options(num_cpus=0).remote() for _ in range(3)]
    client = Engines(listeners, tensor_parallel=2)
    client.init_weight_transfer_engine({"rank_offset": 1, "world_size": 7})
    client.start_weight_update()
    client.update_weights({"names": ["a"]})
    client.finish_weight_update()
    for listener, first in zip(listeners, (1, 3, 5), strict=True):
        met, *others = ray.get(listener.heard.remote())
        assert met == ("meet", {"rank_offset": first, "world_size": 7})
        assert others == [("begin_update", {}), ("receive", {"names": ["a"]}), ("end_update", {})]
    assert all(hasattr(VllmEngine, name) for name in ("meet", "begin_update", "receive", "end_update"))


@pytest.mark.distributed
def test_an_engine_that_is_silent_for_too_long_counts_as_dead(cluster: None) -> None:
    silent = counter()
    with pytest.raises(EngineError, match=r"^no answer within 0\.5 s$"):
        await_call(silent.sleep.remote(), 0.5)
    ray.kill(silent)


@pytest.mark.distributed
def test_a_run_wakes_the_engines_that_the_run_before_left_asleep(cluster: None) -> None:
    engine = ray.remote(Sleeper).options(num_cpus=0).remote()
    VllmSampler([engine], vocabulary(), lambda index: None).sleep()
    following = VllmSampler([engine], vocabulary(), lambda index: None)
    following.update_weights([])
    following.update_weights([])
    assert ray.get(engine.told.remote()) == ["sleep", "wake_up", "update_weights", "update_weights"]
