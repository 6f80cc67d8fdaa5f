"""Dataclasses of tensors on their way between processes: as arrays, which Ray shares without pickling them."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Shipped(Generic[Kind]):
    """A dataclass whose tensors, which numpy must know the types of, are arrays for the time being."""

    kind: type[Kind]
    parts: dict[str, Any]

    @classmethod
    def of(cls, value: Kind) -> Shipped[Kind]:
        """Pack a dataclass. Raises TypeError for anything else."""
        if not is_dataclass(value):
            raise TypeError(f"{type(value).__name__} is no dataclass; ship its parts")
        return Shipped(type(value), {part.name: _array(getattr(value, part.name)) for part in fields(value)})

    def open(self) -> Kind:
        """The dataclass, with tensors in memory of its own: what Ray hands out is read-only."""
        return self.kind(**{name: _tensor(part) for name, part in self.parts.items()})


def _array(part: Any) -> Any:
    return part.detach().cpu().numpy() if isinstance(part, Tensor) else part


def _tensor(part: Any) -> Any:
    return torch.tensor(part) if isinstance(part, np.ndarray) else part
