"""Sample tokens by inversion of one uniform number each, in chunks of bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from harness.common import derive_seed
from harness.engines.base.divergence import Diverged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.engines.base.protocols import Decoding


LOGIT_BYTES: Final = 256 << 20  # of one tensor of next-token logits in float32; sampling holds a few of them


def count_samples_at_once(cache_bytes: int, sample_bytes: int, vocabulary: int) -> int:
    """Return how many samples fit in memory at the same time, at least one.

    Args:
        cache_bytes: Memory for keys and values.
        sample_bytes: The whole key-value cache of one sample.
        vocabulary: Number of logits of a token.

    Returns:
        The number of samples.

    """
    return max(1, min(cache_bytes // sample_bytes, LOGIT_BYTES // (4 * vocabulary)))


def split_prompts(prompts: int, group_size: int, at_once: int) -> Iterator[tuple[slice, slice]]:
    """Yield slices of prompts and of their samples, at most ``at_once`` samples each.

    A chunk holds whole groups, or a part of one group where no whole group fits.

    Args:
        prompts: Number of prompts.
        group_size: Samples of each prompt.
        at_once: Largest number of samples in a chunk.

    Yields:
        The slice of prompts and the slice of samples.

    """
    groups = at_once // group_size
    if groups:
        for first in range(0, prompts, groups):
            last = min(first + groups, prompts)
            yield slice(first, last), slice(first * group_size, last * group_size)
        return
    for prompt in range(prompts):
        start, stop = prompt * group_size, (prompt + 1) * group_size
        for row in range(start, stop, at_once):
            yield slice(prompt, prompt + 1), slice(row, min(row + at_once, stop))


FEW: Final = 1024  # most likely tokens that usually hold top_p; sorting the whole vocabulary takes ten times as long
LARGE_VOCABULARY: Final = 4096  # tokens; above this size float32 would lose the tail of a cumulative sum


def draw_uniforms(samples: int, tokens: int, seed: int) -> Tensor:
    """Return uniform numbers in [0, 1) that depend only on seed, sample and position.

    Args:
        samples: Number of rows.
        tokens: Number of columns.
        seed: Seed of the generator.

    Returns:
        (samples, tokens) float32.

    """
    return torch.rand(samples, tokens, generator=torch.Generator().manual_seed(seed))


def draw_all_uniforms(prompts: int, decoding: Decoding, seed: int | Sequence[int]) -> Tensor:
    """Return the uniform numbers for all samples of a call.

    With a seed for each prompt, the numbers of sample j depend only on that seed, j and the position. They do not
    depend on the length limit or on the group size.

    Args:
        prompts: Number of prompts.
        decoding: Group size and length limit.
        seed: One seed, or one for each prompt.

    Returns:
        (prompts * group_size, max_response_length) float32 in [0, 1).

    Raises:
        ValueError: The number of seeds is not the number of prompts.

    """
    size, tokens = decoding.group_size, decoding.max_response_length
    if isinstance(seed, int):
        return draw_uniforms(prompts * size, tokens, seed)
    if len(seed) != prompts:
        raise ValueError(f"{len(seed)} seeds for {prompts} prompts; give one seed, or one for each prompt")
    return torch.cat([draw_uniforms(1, tokens, derive_seed(one, sample)) for one in seed for sample in range(size)])


@dataclass(frozen=True, slots=True)
class SampledTokens:
    """Sampled tokens: one for each of B rows of logits, or T for each of B responses."""

    ids: Tensor  # (B,) or (B, T) int64
    log_probs: Tensor  # under the distribution that was sampled
    log_kept: Tensor | None  # log of the share of the mass that top_k and top_p left; None where nothing is cut

    @classmethod
    def join(cls, parts: Sequence[SampledTokens]) -> SampledTokens:
        """Concatenate the rows of parts that were sampled with the same decoding."""
        kept = [part.log_kept for part in parts if part.log_kept is not None]
        ids, log_probs = torch.cat([part.ids for part in parts]), torch.cat([part.log_probs for part in parts])
        return cls(ids, log_probs, torch.cat(kept) if kept else None)


def sample_tokens(logits: Tensor, uniform: Tensor, decoding: Decoding) -> SampledTokens:
    """Sample one token from each row of logits.

    The log-probabilities are those of the distribution that is sampled: at the temperature, over the tokens that
    ``top_k`` and ``top_p`` leave. Adding the log of the mass of these tokens gives the log-probability under the whole
    softmax. Temperature 0 takes the most likely token and returns its log-probability at temperature 1.

    Args:
        logits: (B, V).
        uniform: (B,) in [0, 1), the random numbers.
        decoding: Temperature, top-p and top-k.

    Returns:
        The tokens (B,) with their log-probabilities.

    Raises:
        Diverged: A logit is not a number or is plus infinity.

    """
    log_probs = torch.log_softmax(logits / (decoding.temperature or 1), dim=-1)
    # One logit that is infinite or not a number makes its own log-prob, or that of its whole row, not a number.
    if bool(log_probs.amax(dim=-1).isnan().any()):
        raise Diverged("the logits of the next token are not finite")
    if decoding.cuts(logits.shape[-1]):
        return _choose_likely(log_probs, uniform, decoding.top_p, decoding.top_k)
    ids = invert_cdf(log_probs, uniform) if decoding.temperature else logits.argmax(dim=-1)
    return SampledTokens(ids, _of(log_probs, ids), None)


def invert_cdf(log_probs: Tensor, uniform: Tensor) -> Tensor:
    """Return the first token (B,) whose cumulative probability exceeds ``uniform`` (B,)."""
    large = log_probs.shape[-1] >= LARGE_VOCABULARY
    cumulative = log_probs.exp().cumsum(dim=-1, dtype=torch.float64 if large else None)
    # Below 1 in float32 keeps the product below the total, so the token found has a probability above 0.
    wanted = uniform[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, wanted, right=True)[:, 0]


def _choose_likely(log_probs: Tensor, uniform: Tensor, top_p: float, top_k: int) -> SampledTokens:
    """Sample among the tokens that ``top_k`` and ``top_p`` leave.

    ``top_p`` keeps the fewest of the ``top_k`` most likely tokens that hold this share of their mass. The remaining
    tokens keep the order of the vocabulary, so that a small cut changes few samples.
    """
    best, ids = _likeliest(log_probs, top_p, top_k)
    share = best.exp()
    if top_k:
        share /= share.sum(dim=-1, keepdim=True)
    before = share.cumsum(dim=-1) - share  # mass of the more likely tokens
    best = best.masked_fill(before >= top_p, -torch.inf)
    ids, order = ids.sort(dim=-1)
    best = best.gather(1, order)
    places = invert_cdf(best, uniform)
    log_kept = best.logsumexp(dim=-1)
    # Where the cut removes almost nothing, rounding may give slightly more than the whole mass.
    return SampledTokens(_of(ids, places), _of(best, places) - log_kept, log_kept.clamp(max=0))


def _of(table: Tensor, columns: Tensor) -> Tensor:
    """Return the entry (B,) of each row of ``table`` (B, V) in its column (B,)."""
    return table.gather(1, columns[:, None])[:, 0]


def _likeliest(log_probs: Tensor, top_p: float, top_k: int) -> tuple[Tensor, Tensor]:
    """Return log-probabilities and ids (B, K) of all tokens that may be kept, most likely first."""
    best, ids = log_probs.topk(min(top_k or FEW, log_probs.shape[-1]), dim=-1)
    if top_k or bool((best.exp().sum(dim=-1) >= top_p).all()):
        return best, ids
    best, ids = log_probs.sort(dim=-1, descending=True)
    return best, ids
