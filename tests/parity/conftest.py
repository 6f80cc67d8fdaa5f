"""Processes that take half a minute to start are started once."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from tests.local_ray import local_ray

if TYPE_CHECKING:
    from collections.abc import Iterator

MISSING = "make setup EXTRA=cpu_engines"
needs_engines = pytest.mark.skipif(not (find_spec("vllm") and find_spec("deepspeed")), reason=MISSING)


@pytest.fixture(scope="package")
def cluster() -> Iterator[None]:
    """Ray on this machine, as long as tests of this folder follow each other."""
    with local_ray():
        yield


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
