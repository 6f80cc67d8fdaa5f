"""Move tensors and weights between processes in buckets of bounded size."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class SerializedTensors(Generic[Kind]):
    """A dataclass whose tensors, which numpy must know the types of, are arrays for the time being."""

    kind: type[Kind]
    parts: dict[str, Any]

    @classmethod
    def of(cls, value: Kind) -> SerializedTensors[Kind]:
        """Pack a dataclass. Raises TypeError for anything else."""
        if not is_dataclass(value):
            raise TypeError(f"{type(value).__name__} is no dataclass; ship its parts")
        return SerializedTensors(type(value), {part.name: _array(getattr(value, part.name)) for part in fields(value)})

    def open(self) -> Kind:
        """The dataclass, with tensors in memory of its own: what Ray hands out is read-only."""
        return self.kind(**{name: _tensor(part) for name, part in self.parts.items()})


def _array(part: Any) -> Any:
    return part.detach().cpu().numpy() if isinstance(part, Tensor) else part


def _tensor(part: Any) -> Any:
    return torch.tensor(part) if isinstance(part, np.ndarray) else part


BUCKET_BYTES: Final = 1 << 30  # beyond which a parcel is closed; a larger tensor travels alone


@dataclass(frozen=True, slots=True)
class Item:
    """One tensor, as bytes that numpy knows: bfloat16 is unknown to it."""

    name: str
    dtype: str  # of torch, such as "bfloat16"
    shape: tuple[int, ...]
    data: NDArray[np.uint8]

    @classmethod
    def of(cls, name: str, tensor: Tensor) -> Item:
        """The tensor's bytes, from whatever device, laid out in order."""
        flat = tensor.detach().cpu().contiguous().view(-1)
        return cls(name, str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape), flat.view(torch.uint8).numpy())

    def tensor(self) -> Tensor:
        """The tensor, in memory of its own: what Ray hands out is read-only."""
        tensor = torch.empty(self.shape, dtype=getattr(torch, self.dtype))
        if tensor.numel():
            tensor.view(-1).view(torch.uint8).numpy()[:] = self.data
        return tensor


WeightBucket = tuple[Item, ...]


def bucket_weights(weights: Iterable[tuple[str, Tensor]], limit: int = BUCKET_BYTES) -> Iterator[WeightBucket]:
    """The tensors in their order, in parcels of at most ``limit`` bytes or of one tensor."""
    parcel: list[Item] = []
    for name, tensor in weights:
        item = Item.of(name, tensor)
        if parcel and sum(other.data.nbytes for other in parcel) + item.data.nbytes > limit:
            yield tuple(parcel)
            parcel = []
        parcel.append(item)
    if parcel:
        yield tuple(parcel)


def unpack_bucket(parcels: Iterable[WeightBucket]) -> Iterator[tuple[str, Tensor]]:
    """The tensors that were packed."""
    return ((item.name, item.tensor()) for parcel in parcels for item in parcel)
