"""Processes that take half a minute to start are started once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.local_ray import local_ray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parity.engines import Spares
    from tests.parity.ranks import Pairs


@pytest.fixture(scope="package")
def cluster() -> Iterator[None]:
    """Ray on this machine, as long as tests of this folder follow each other."""
    with local_ray():
        yield


@pytest.fixture(scope="package")
def engines(cluster: None) -> list[Any]:
    """Two engines of vLLM with the weights of builtin:large_base."""
    from tests.parity.engines import started

    return started(2)


@pytest.fixture(scope="package")
def spares(cluster: None) -> Spares:
    """Engines that a test may break."""
    from tests.parity.engines import Spares

    return Spares()


@pytest.fixture(scope="package")
def pairs(cluster: None) -> Pairs:
    """Ranks of DeepSpeed, some of which a test may break."""
    from tests.parity.ranks import Pairs

    return Pairs()


@pytest.fixture
def ranks(pairs: Pairs) -> list[Any]:
    """Two ranks of DeepSpeed that have met."""
    return pairs.whole()
