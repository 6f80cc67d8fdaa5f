"""A rank's part in handing weights to engines of vLLM by NCCL. Not run, for want of GPUs; see ``vllm_nccl``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.engines.transfer.nccl import nccl_sender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from harness.engines.deepspeed.policy import DeepspeedPolicy


class Broadcast:
    """Engines that a rank has met, and what it sends them: the weights of whichever run it is at."""

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
        """Take part in a broadcast; the first rank sends."""
        self._sender.send_weights()

    def metadata(self) -> list[Any]:
        """Every parameter, before any is whole."""
        from vllm.distributed.weight_transfer.base import ParamMeta  # noqa: PLC0415 - takes seconds

        return [ParamMeta(name=name, dtype=dtype, shape=shape) for name, dtype, shape in self._running().shapes()]

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """Every parameter, whole while it is the consumer's turn."""
        return self._running().weights()
