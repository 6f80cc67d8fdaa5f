"""FP32 master weights, and files of named tensors."""

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
    """Write named tensors to a safetensors file."""
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file into newly allocated memory.

    The tensors of a memory-mapped file may be unaligned, so they are copied.
    """
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - it is no mapping


class FP32MasterWeights:
    """Float32 weights that an optimizer trains.

    They are the parameters themselves, or float32 copies of parameters in half precision. Gradients of half-precision
    parameters are accumulated in float32 and are not stored twice.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self._parameters = list(parameters)
        self.masters = [_master(parameter) for parameter in self._parameters]

    def copies(self, names: Iterable[str]) -> Iterator[tuple[str, Tensor]]:
        """Yield name and master of the parameters that have a float32 copy.

        ``names`` are the names of all parameters, in order.
        """
        for name, parameter, master in zip(names, self._parameters, self.masters, strict=True):
            if master is not parameter:
                yield name, master

    @torch.no_grad()
    def copy_to_parameters(self) -> None:
        """Round the float32 copies into the half-precision parameters."""
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
