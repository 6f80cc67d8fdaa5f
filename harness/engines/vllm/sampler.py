"""Sample from vLLM engines in other processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from harness.common.seeds import derive
from harness.engines.base.samples import Vocabulary, assemble, left_pad
from harness.engines.transfer.buckets import bucket_weights
from harness.engines.vllm.pool import EnginePool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from harness.engines.base.protocols import Decoding, Samples
    from harness.engines.vllm.engine import Answers


Thing = TypeVar("Thing")


def prompt_seeds(prompts: int, seed: int | Sequence[int]) -> list[int]:
    """A seed for each prompt. Raises ValueError where there are more or fewer seeds than prompts."""
    if isinstance(seed, int):
        return [derive(seed, prompt) for prompt in range(prompts)]
    if len(seed) != prompts:
        raise ValueError(f"{len(seed)} seeds for {prompts} prompts; give one seed, or one for each prompt")
    return list(seed)


def spread(prompts: Sequence[Sequence[int]], engines: int) -> list[list[int]]:
    """Indices of prompts for each engine, as even as can be: dealt in turn from the longest down. No share is empty."""
    order = sorted(range(len(prompts)), key=lambda prompt: -len(prompts[prompt]))
    return [order[engine::engines] for engine in range(min(engines, len(order)))]


def take(things: Sequence[Thing], share: Sequence[int]) -> list[Thing]:
    """The things of a share, in its order."""
    return [things[index] for index in share]


def gather(drawn: Sequence[Answers], order: Sequence[int], fill: int) -> tuple[Tensor, Tensor]:
    """Tokens (B, T), filled up on the right, and log-probs (B, T): whole groups, from those of prompts in ``order``."""
    ids = _laid_out([part.ids for part in drawn], drawn, order, fill)
    return ids, _laid_out([part.log_probs for part in drawn], drawn, order, 0.0)


def gather_kept(drawn: Sequence[Answers], order: Sequence[int]) -> Tensor | None:
    """Return the log of the mass (B, T) that a cut left, as ``gather``; None where nothing was cut."""
    kept = [part.log_kept for part in drawn if part.log_kept is not None]  # of all engines or of none
    return _laid_out(kept, drawn, order, 0.0) if kept else None


def _laid_out(values: Sequence[NDArray[Any]], drawn: Sequence[Answers], order: Sequence[int], fill: float) -> Tensor:
    """Return one row a response of values (M,) that lie one response behind the other."""
    lengths = torch.from_numpy(np.concatenate([part.lengths for part in drawn]))
    filled = torch.arange(int(lengths.max())) < lengths[:, None]
    flat = torch.from_numpy(np.concatenate(values))
    table = torch.full(filled.shape, fill, dtype=flat.dtype)
    table[filled] = flat
    group_size = len(lengths) // len(order)
    return table[(torch.tensor(order).argsort()[:, None] * group_size + torch.arange(group_size)).view(-1)]


class VllmSampler:
    """Spreads the prompts of a batch over the engines.

    A sample's seed comes from its prompt's and its place in the group, so that what it draws depends, but for
    rounding, neither on the engine nor on the samples beside it. An engine that dies is started anew by ``restart``,
    with the weights of the last ``load``, and its prompts are sampled again: once a call.
    """

    def __init__(
        self, engines: Sequence[Any], vocabulary: Vocabulary, restart: Callable[[int], Any], *, nccl: bool = False
    ) -> None:
        self._pool, self._vocabulary = EnginePool(engines, restart), vocabulary
        self._nccl = nccl
        self._resting: bool | None = None  # unknown: as the run before has left them

    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int | Sequence[int]) -> Samples:
        """Answer tokenised prompts, ``decoding.group_size`` times each."""
        padded, seeds = left_pad(prompts, self._vocabulary.pad_id), prompt_seeds(len(prompts), seed)
        return self._drawn(padded, spread(prompts, len(self._pool.engines)), prompts, decoding, seeds)

    def on_each(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int) -> Samples:
        """The same prompts answered by every engine: all of them by the first, then all by the second, and so on."""
        count, engines = len(prompts), len(self._pool.engines)
        repeated, seeds = list(prompts) * engines, prompt_seeds(count, seed) * engines
        shares = [list(range(first, first + count)) for first in range(0, count * engines, count)]
        return self._drawn(left_pad(repeated, self._vocabulary.pad_id), shares, repeated, decoding, seeds)

    def load(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Hand all engines the weights: by NCCL, as the learner has put them in Ray's store, or packed here."""
        self._wake()
        if self._nccl and hasattr(weights, "broadcast"):
            self._pool.broadcast(weights)
        else:
            self._pool.load(weights.parcels() if hasattr(weights, "parcels") else _stored(weights))

    def rest(self) -> None:
        """Let the engines give their GPUs back; they take them again when they are asked for something."""
        if self._resting is not True:
            self._pool.call_all("rest")
            self._resting = True

    def _wake(self) -> None:
        if self._resting is not False:
            self._pool.call_all("wake")
            self._resting = False

    def _drawn(
        self,
        padded: tuple[Tensor, Tensor],
        shares: Sequence[Sequence[int]],
        prompts: Sequence[Sequence[int]],
        decoding: Decoding,
        seeds: Sequence[int],
    ) -> Samples:
        self._wake()
        ends = self._vocabulary.eos_ids
        drawn = self._pool.call(
            "sample", [(take(prompts, share), decoding, take(seeds, share), ends) for share in shares]
        )
        order = [prompt for share in shares for prompt in share]
        ids, log_probs = gather(drawn, order, fill=ends[0])
        return assemble(*padded, ids, log_probs, self._vocabulary, gather_kept(drawn, order))


def _stored(weights: Iterable[tuple[str, Tensor]]) -> list[Any]:
    """References to the weights in Ray's store, packed in parcels."""
    import ray  # noqa: PLC0415 - a run on PyTorch's engines has none

    return [ray.put(parcel) for parcel in bucket_weights(weights)]
