"""The weights of a learner that is spread over processes, for a sampler in yet another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ray

from harness.engines.parcels import unpack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from harness.engines.rank_calls import RankGroup


class SpreadWeights:
    """Names and tensors, as they are when they are asked for."""

    def __init__(self, ranks: RankGroup, tensor_parallel: int) -> None:
        self._ranks, self._tensor_parallel = ranks, tensor_parallel

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """All of them here, parcel by parcel."""
        return unpack(ray.get(parcel) for parcel in self.parcels())

    def parcels(self) -> list[Any]:
        """References of Ray to parcels that lie where the first rank is."""
        found: list[Any] = self._ranks.call("parcels")[0]
        return found

    def broadcast(self, engines: Sequence[Any]) -> None:
        """Hand them to engines of vLLM by NCCL, straight from the ranks' GPUs. Not run, for want of GPUs."""
        host, port = self._ranks.call("address")[0]
        self._ranks.call("broadcast", engines, self._tensor_parallel, host, port)
