"""The prompts of a batch dealt to engines, and what comes back put in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from harness.seeding import derive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from harness.engines.vllm_answers import Answers

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
