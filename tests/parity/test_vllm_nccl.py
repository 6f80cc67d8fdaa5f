"""What can be shown without GPUs of the way by NCCL: who gets which rank, and that vLLM has what is called."""

from __future__ import annotations

from typing import Any

import pytest
import ray

from harness.engines.transfer.nccl import Engines, nccl_sender
from harness.engines.vllm.engine import VllmEngine
from tests.parity.actors import Listener


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


@pytest.mark.engines
def test_vllm_has_what_both_halves_call(engines: list[Any]) -> None:
    gathered, missing = ray.get(engines[0].__ray_call__.remote(lambda engine: take_part()))
    assert gathered == ["a", "b"]
    assert missing == []


def take_part() -> tuple[list[str], list[str]]:
    """In a process that may import vLLM: a rank that does not send goes through the parameters with the others."""
    from vllm import LLM

    gathered: list[str] = []

    class Source:
        def metadata(self) -> list[Any]:
            return []

        def __iter__(self) -> Any:
            for name in ("a", "b"):
                gathered.append(name)
                yield name, None

    nccl_sender(1, "127.0.0.1", 1, [], 1, Source()).send_weights()
    asked = ("init_weight_transfer_engine", "start_weight_update", "update_weights", "finish_weight_update")
    return gathered, [name for name in asked if not hasattr(LLM, name)]
