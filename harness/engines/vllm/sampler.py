"""Sampler that uses vLLM engines in other processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from harness.common import derive_seed
from harness.engines.base import Vocabulary, assemble_samples, bucket_weights, left_pad
from harness.engines.vllm.pool import EnginePool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from harness.engines.base import Decoding, Samples
    from harness.engines.vllm.engine import PackedResponses


Thing = TypeVar("Thing")


def prompt_seeds(prompts: int, seed: int | Sequence[int]) -> list[int]:
    """Return a seed for each prompt. Raises ValueError where their number is not ``prompts``."""
    if isinstance(seed, int):
        return [derive_seed(seed, prompt) for prompt in range(prompts)]
    if len(seed) != prompts:
        raise ValueError(f"{len(seed)} seeds for {prompts} prompts; give one seed, or one for each prompt")
    return list(seed)


def distribute_prompts(prompts: Sequence[Sequence[int]], engines: int) -> list[list[int]]:
    """Distribute prompts over engines as evenly as possible; return each engine's indices.

    Prompts are assigned in turn, longest first. No engine in the result is without a prompt.
    """
    order = sorted(range(len(prompts)), key=lambda prompt: -len(prompts[prompt]))
    return [order[engine::engines] for engine in range(min(engines, len(order)))]


def select_items(things: Sequence[Thing], share: Sequence[int]) -> list[Thing]:
    """Return the items at the indices of ``share``, in its order."""
    return [things[index] for index in share]


def gather_tokens(drawn: Sequence[PackedResponses], order: Sequence[int], fill: int) -> tuple[Tensor, Tensor]:
    """Return tokens and log-probabilities as tensors (B, T), in the order of the prompts.

    Args:
        drawn: The responses of each engine.
        order: Indices of the prompts in the order in which the engines answered them.
        fill: Token that pads the responses on the right.

    Returns:
        Tokens (B, T) and log-probabilities (B, T); groups are adjacent.

    """
    ids = _laid_out([part.ids for part in drawn], drawn, order, fill)
    return ids, _laid_out([part.log_probs for part in drawn], drawn, order, 0.0)


def gather_kept_mass(drawn: Sequence[PackedResponses], order: Sequence[int]) -> Tensor | None:
    """Return the log of the kept mass (B, T) in the order of the prompts; None without a cut."""
    kept = [part.log_kept for part in drawn if part.log_kept is not None]  # of all engines or of none
    return _laid_out(kept, drawn, order, 0.0) if kept else None


def _laid_out(
    values: Sequence[NDArray[Any]], drawn: Sequence[PackedResponses], order: Sequence[int], fill: float
) -> Tensor:
    """Return one row for each response, from values (M,) stored one response after the other."""
    lengths = torch.from_numpy(np.concatenate([part.lengths for part in drawn]))
    filled = torch.arange(int(lengths.max())) < lengths[:, None]
    flat = torch.from_numpy(np.concatenate(values))
    table = torch.full(filled.shape, fill, dtype=flat.dtype)
    table[filled] = flat
    group_size = len(lengths) // len(order)
    return table[(torch.tensor(order).argsort()[:, None] * group_size + torch.arange(group_size)).view(-1)]


class VllmSampler:
    """Sampler that distributes the prompts of a batch over vLLM engines.

    A sample's seed depends only on its prompt's seed and its index in the group. So a sample depends, except for
    rounding, neither on the engine nor on the other samples of the batch. ``restart`` replaces an engine that dies,
    with the weights of the last sync, and its prompts are sampled again, once per call.
    """

    def __init__(
        self, engines: Sequence[Any], vocabulary: Vocabulary, restart: Callable[[int], Any], *, nccl: bool = False
    ) -> None:
        self._pool, self._vocabulary = EnginePool(engines, restart), vocabulary
        self._nccl = nccl
        self._asleep: bool | None = None  # None: unknown, as the last run left them

    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int | Sequence[int]) -> Samples:
        """Sample responses to each prompt, as ``Sampler.sample`` describes.

        Raises EngineError where an engine died twice, and EngineLost where its node is gone.
        """
        padded, seeds = left_pad(prompts, self._vocabulary.pad_id), prompt_seeds(len(prompts), seed)
        return self._drawn(padded, distribute_prompts(prompts, len(self._pool.engines)), prompts, decoding, seeds)

    def on_each(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int) -> Samples:
        """Sample the same prompts with every engine.

        Args:
            prompts: Token ids of N prompts.
            decoding: Group size, length limit, temperature, top-p and top-k.
            seed: Seed of all engines.

        Returns:
            The samples of all prompts by the first engine, then by the second, and so on.

        """
        count, engines = len(prompts), len(self._pool.engines)
        repeated, seeds = list(prompts) * engines, prompt_seeds(count, seed) * engines
        shares = [list(range(first, first + count)) for first in range(0, count * engines, count)]
        return self._drawn(left_pad(repeated, self._vocabulary.pad_id), shares, repeated, decoding, seeds)

    def update_weights(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Send the weights to all engines.

        They are sent by NCCL, as buckets that the learner put in Ray's store, or as buckets that are packed here.
        """
        self._wake_up()
        if self._nccl and hasattr(weights, "broadcast"):
            self._pool.broadcast(weights)
        else:
            self._pool.update_weights(weights.buckets() if hasattr(weights, "buckets") else _stored(weights))

    def sleep(self) -> None:
        """Let the engines free their GPUs; the next call wakes them up."""
        if self._asleep is not True:
            self._pool.call_all("sleep")
            self._asleep = True

    def _wake_up(self) -> None:
        if self._asleep is not False:
            self._pool.call_all("wake_up")
            self._asleep = False

    def _drawn(
        self,
        padded: tuple[Tensor, Tensor],
        shares: Sequence[Sequence[int]],
        prompts: Sequence[Sequence[int]],
        decoding: Decoding,
        seeds: Sequence[int],
    ) -> Samples:
        self._wake_up()
        ends = self._vocabulary.eos_ids
        drawn = self._pool.call(
            "sample", [(select_items(prompts, share), decoding, select_items(seeds, share), ends) for share in shares]
        )
        order = [prompt for share in shares for prompt in share]
        ids, log_probs = gather_tokens(drawn, order, fill=ends[0])
        return assemble_samples(*padded, ids, log_probs, self._vocabulary, gather_kept_mass(drawn, order))


def _stored(weights: Iterable[tuple[str, Tensor]]) -> list[Any]:
    """Put the weights in Ray's store in buckets and return the references."""
    import ray  # noqa: PLC0415 - a run on PyTorch's engines has none

    return [ray.put(bucket) for bucket in bucket_weights(weights)]
