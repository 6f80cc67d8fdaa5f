"""FP32 master weights, and optimizer state as named tensors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from safetensors import safe_open
from safetensors.torch import save_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from torch import Tensor


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write a file of safetensors."""
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read one, into memory of its own: a mapped file has its tensors at any address."""
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - it is no mapping


class FP32MasterWeights:
    """What an optimizer trains: the parameters themselves, and float32 copies of those in half precision.

    Gradients of half-precision parameters are added up in float32, micro-batch by micro-batch, and not kept twice.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self._parameters = list(parameters)
        self.masters = [_master(parameter) for parameter in self._parameters]

    def copies(self, names: Iterable[str]) -> Iterator[tuple[str, Tensor]]:
        """The float32 copies alone; ``names`` are those of all parameters, in order."""
        for name, parameter, master in zip(names, self._parameters, self.masters, strict=True):
            if master is not parameter:
                yield name, master

    @torch.no_grad()
    def hand_over(self) -> None:
        """Round the copies back into the parameters."""
        for parameter, master in zip(self._parameters, self.masters, strict=True):
            if master is not parameter:
                parameter.copy_(master)


def _master(parameter: Tensor) -> Tensor:
    if parameter.dtype not in {torch.bfloat16, torch.float16}:
        return parameter
    master = parameter.detach().float().requires_grad_()
    parameter.register_post_accumulate_grad_hook(partial(_collect, master))  # type: ignore[no-untyped-call]
    return master


def _collect(master: Tensor, parameter: Tensor) -> None:
    if parameter.grad is None:
        return
    new, parameter.grad = parameter.grad.float(), None
    master.grad = new if master.grad is None else master.grad.add_(new)
