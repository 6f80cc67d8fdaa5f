"""Weights by NCCL, from the learner's first rank to all engines: the learner's half of vLLM's own transfer.

Written against vLLM 0.32's interface and not run, for want of GPUs. NCCL refuses two processes on one GPU, so it is for
engines and ranks that have each their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor


class NcclSource(Protocol):
    """What vLLM asks for: every parameter announced, then whole, in the same order and on every rank."""

    def metadata(self) -> Sequence[Any]:
        """``vllm.distributed.weight_transfer.base.ParamMeta`` of each: name, dtype, shape."""
        ...

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """The parameters. Gathering one may be a collective of all ranks."""
        ...


def nccl_sender(
    rank: int, address: str, port: int, engines: Sequence[Any], tensor_parallel: int, source: NcclSource
) -> Any:
    """What every rank of the learner keeps, and calls ``send_weights`` on at each sync; rank 0 sends.

    ``address`` and ``port`` are of rank 0, where the engines meet it; ``engines`` are handles to ``VllmEngine``.
    """
    from vllm.distributed.weight_transfer.nccl_engine import (  # noqa: PLC0415 - takes seconds
        NCCLTrainerInitInfo,
        NCCLTrainerWeightTransferEngine,
    )

    world_size = 1 + len(engines) * tensor_parallel
    info = NCCLTrainerInitInfo(master_address=address, master_port=port, world_size=world_size, rank=rank)
    return NCCLTrainerWeightTransferEngine.trainer_init(info, client=Engines(engines, tensor_parallel), source=source)


class Engines:
    """vLLM's view of several engines. Its own client gives them all the same ranks."""

    def __init__(self, engines: Sequence[Any], tensor_parallel: int) -> None:
        self._engines, self._tensor_parallel = engines, tensor_parallel

    def init_weight_transfer_engine(self, init_info: Mapping[str, Any]) -> None:
        """Rank 0 is the sender's; the workers of the engines follow, engine by engine."""
        self._all("meet", [{**init_info, "rank_offset": rank} for rank in self._first_ranks()])

    def start_weight_update(self) -> None:
        """All engines open their layers."""
        self._all("begin_update")

    def update_weights(self, update_info: Mapping[str, Any]) -> None:
        """All engines take part in the broadcast."""
        self._all("receive", [dict(update_info)] * len(self._engines))

    def finish_weight_update(self, weight_version: str | None = None) -> None:
        """All engines close their layers. Versions are not kept."""
        self._all("end_update")

    def _first_ranks(self) -> range:
        return range(1, 1 + len(self._engines) * self._tensor_parallel, self._tensor_parallel)

    def _all(self, method: str, infos: Sequence[Mapping[str, Any]] | None = None) -> None:
        import ray  # noqa: PLC0415 - in a rank's process

        arguments = [()] * len(self._engines) if infos is None else [(info,) for info in infos]
        ray.get([getattr(engine, method).remote(*some) for engine, some in zip(self._engines, arguments, strict=True)])
