"""Transfer of tensors and weights between processes, in buckets of bounded size.

``SerializedTensors`` carries a dataclass of small tensors, ``WeightBucket`` a part of a model's weights.
"""

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
    """A dataclass whose tensors are stored as numpy arrays; numpy must know their types."""

    kind: type[Kind]
    parts: dict[str, Any]

    @classmethod
    def of(cls, value: Kind) -> SerializedTensors[Kind]:
        """Serialize a dataclass. Raises TypeError for anything else."""
        if not is_dataclass(value):
            raise TypeError(f"{type(value).__name__} is not a dataclass; send its parts")
        return SerializedTensors(type(value), {part.name: _array(getattr(value, part.name)) for part in fields(value)})

    def open(self) -> Kind:
        """Return the dataclass with its tensors copied, because Ray's memory is read-only."""
        return self.kind(**{name: _tensor(part) for name, part in self.parts.items()})


def _array(part: Any) -> Any:
    return part.detach().cpu().numpy() if isinstance(part, Tensor) else part


def _tensor(part: Any) -> Any:
    return torch.tensor(part) if isinstance(part, np.ndarray) else part


BUCKET_BYTES: Final = 1 << 30  # largest bucket; a larger tensor is a bucket by itself


@dataclass(frozen=True, slots=True)
class Item:
    """One tensor as bytes, since numpy has no bfloat16."""

    name: str
    dtype: str  # PyTorch's name, such as "bfloat16"
    shape: tuple[int, ...]
    data: NDArray[np.uint8]

    @classmethod
    def of(cls, name: str, tensor: Tensor) -> Item:
        """Copy a tensor from any device into contiguous bytes."""
        flat = tensor.detach().cpu().contiguous().view(-1)
        return cls(name, str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape), flat.view(torch.uint8).numpy())

    def tensor(self) -> Tensor:
        """Return the tensor as a copy, because Ray's memory is read-only."""
        tensor = torch.empty(self.shape, dtype=getattr(torch, self.dtype))
        if tensor.numel():
            tensor.view(-1).view(torch.uint8).numpy()[:] = self.data
        return tensor


WeightBucket = tuple[Item, ...]


def bucket_weights(weights: Iterable[tuple[str, Tensor]], limit: int = BUCKET_BYTES) -> Iterator[WeightBucket]:
    """Yield the tensors in order, in buckets of at most ``limit`` bytes or of one tensor."""
    bucket: list[Item] = []
    for name, tensor in weights:
        item = Item.of(name, tensor)
        if bucket and sum(other.data.nbytes for other in bucket) + item.data.nbytes > limit:
            yield tuple(bucket)
            bucket = []
        bucket.append(item)
    if bucket:
        yield tuple(bucket)


def unpack_bucket(buckets: Iterable[WeightBucket]) -> Iterator[tuple[str, Tensor]]:
    """Yield name and tensor of everything in the buckets."""
    return ((item.name, item.tensor()) for bucket in buckets for item in bucket)
