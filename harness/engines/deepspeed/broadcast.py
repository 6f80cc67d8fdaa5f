"""A rank's side of the weight sync by NCCL to vLLM engines.

It has not been run, for lack of GPUs; see ``harness.engines.transfer.nccl``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.engines.transfer.nccl import nccl_sender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from harness.engines.deepspeed.policy import DeepspeedPolicy


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
