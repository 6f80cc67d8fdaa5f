"""Weight sync by NCCL from the learner's ranks to all vLLM engines.

It is written against the interface of vLLM 0.32 and has not been run, for lack of GPUs. NCCL refuses two processes on
one GPU, so engines and ranks must have separate GPUs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor

    from harness.engines.deepspeed.policy import DeepspeedPolicy


class NcclSource(Protocol):
    """Interface that vLLM expects of a source of weights.

    All parameters are announced first. Then they are given whole, in the same order on every rank.
    """

    def metadata(self) -> Sequence[Any]:
        """Return a ``ParamMeta`` of vLLM (name, dtype, shape) for each parameter.

        The class is in ``vllm.distributed.weight_transfer.base``.
        """
        ...

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the parameters. Gathering one may be a collective operation of all ranks."""
        ...


def nccl_sender(
    rank: int, address: str, port: int, engines: Sequence[Any], tensor_parallel: int, source: NcclSource
) -> Any:
    """Create the object whose ``send_weights`` every rank calls at each weight sync.

    Rank 0 sends; the other ranks take part in gathering.

    Args:
        rank: Number of this rank.
        address: Address of rank 0, to which the engines connect.
        port: Port of rank 0.
        engines: Ray handles of ``VllmEngine``.
        tensor_parallel: Workers of each engine.
        source: The weights.

    Returns:
        vLLM's trainer-side weight transfer engine.

    """
    from vllm.distributed.weight_transfer.nccl_engine import NCCLTrainerInitInfo, NCCLTrainerWeightTransferEngine  # noqa: PLC0415 - takes seconds

    world_size = 1 + len(engines) * tensor_parallel
    info = NCCLTrainerInitInfo(master_address=address, master_port=port, world_size=world_size, rank=rank)
    return NCCLTrainerWeightTransferEngine.trainer_init(info, client=Engines(engines, tensor_parallel), source=source)


class Engines:
    """Several engines as one client of vLLM's weight transfer.

    vLLM's own client would give all engines the same ranks.
    """

    def __init__(self, engines: Sequence[Any], tensor_parallel: int) -> None:
        self._engines, self._tensor_parallel = engines, tensor_parallel

    def init_weight_transfer_engine(self, init_info: Mapping[str, Any]) -> None:
        """Connect the engines: rank 0 is the sender, the engines' workers follow in order."""
        self._all("meet", [{**init_info, "rank_offset": rank} for rank in self._first_ranks()])

    def start_weight_update(self) -> None:
        """Prepare the layers of all engines for new weights."""
        self._all("begin_update")

    def update_weights(self, update_info: Mapping[str, Any]) -> None:
        """Let all engines take part in the broadcast."""
        self._all("receive", [dict(update_info)] * len(self._engines))

    def finish_weight_update(self, weight_version: str | None = None) -> None:
        """Finish the update of all engines. Weight versions are not stored."""
        self._all("end_update")

    def _first_ranks(self) -> range:
        return range(1, 1 + len(self._engines) * self._tensor_parallel, self._tensor_parallel)

    def _all(self, method: str, infos: Sequence[Mapping[str, Any]] | None = None) -> None:
        import ray  # noqa: PLC0415 - in a rank's process

        arguments = [()] * len(self._engines) if infos is None else [(info,) for info in infos]
        ray.get([getattr(engine, method).remote(*some) for engine, some in zip(self._engines, arguments, strict=True)])


class Broadcast:
    """Connection of a rank to vLLM engines; it sends the weights of the present run."""

    def __init__(
        self,
        rank: int,
        meeting: tuple[str, int],
        engines: Sequence[Any],
        parallel: int,
        running: Callable[[], DeepspeedPolicy],
    ) -> None:
        self.engines, self._running = tuple(engines), running
        self._sender = nccl_sender(rank, *meeting, engines, parallel, self)

    def send(self) -> None:
        """Take part in a broadcast of the weights; the first rank sends."""
        self._sender.send_weights()

    def metadata(self) -> list[Any]:
        """Return a ``ParamMeta`` of vLLM for each parameter."""
        from vllm.distributed.weight_transfer.base import ParamMeta  # noqa: PLC0415 - takes seconds

        return [ParamMeta(name=name, dtype=dtype, shape=shape) for name, dtype, shape in self._running().shapes()]

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """Yield every parameter; each is whole until the next one is asked for."""
        return self._running().weights()
