"""The optimizer of a learner as named tensors, for a file of safetensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safetensors import safe_open
from safetensors.torch import save_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor
    from torch.optim import Optimizer


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write a file of safetensors."""
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read one, into memory of its own: a mapped file has its tensors at any address."""
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - it is no mapping


def optimizer_tensors(optimizer: Optimizer, names: Sequence[str]) -> dict[str, Tensor]:
    """What the optimizer remembers, as ``<kind>/<name>``; ``names`` are those of its parameters, in order."""
    states = optimizer.state_dict()["state"]
    return {f"{kind}/{names[place]}": tensor for place, state in states.items() for kind, tensor in state.items()}


def restore_optimizer(optimizer: Optimizer, names: Sequence[str], tensors: Mapping[str, Tensor]) -> None:
    """Give it back. Its settings stay its own."""
    places = {name: place for place, name in enumerate(names)}
    states: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        kind, _, name = key.partition("/")
        states.setdefault(places[name], {})[kind] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
