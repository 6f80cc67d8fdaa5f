"""Processes that take half a minute to start are started once."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MISSING = "make setup EXTRA=cpu_engines"
needs_engines = pytest.mark.skipif(not (find_spec("vllm") and find_spec("deepspeed")), reason=MISSING)


@pytest.fixture(scope="package")
def cluster() -> Iterator[None]:
    """Ray on this machine. Actors here ask for no core, so that all find a place."""
    ray = pytest.importorskip("ray")
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=200 * 2**20,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="package")
def engines(cluster: None) -> list[Any]:
    """Two engines of vLLM with the weights of builtin:large_base."""
    if find_spec("vllm") is None:
        pytest.skip(MISSING)
    from tests.parity.engines import started

    return started(2)


@pytest.fixture(scope="package")
def ranks(cluster: None) -> list[Any]:
    """Two ranks of DeepSpeed that have met."""
    if find_spec("deepspeed") is None:
        pytest.skip(MISSING)
    from tests.parity.ranks import started

    return started()
