"""vLLM has the methods that the NCCL sync calls; no GPU is needed to check this. Ranks are in ``test_vllm_pool``."""

from __future__ import annotations

from typing import Any

import pytest
import ray

from harness.engines.deepspeed.broadcast import nccl_sender


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
