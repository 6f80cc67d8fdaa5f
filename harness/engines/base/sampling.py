"""Choose tokens by inversion of one uniform number each, in chunks of bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from harness.common.seeds import derive
from harness.engines.base.divergence import Diverged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.engines.base.protocols import Decoding


LOGIT_BYTES: Final = 256 << 20  # of one tensor of next-token logits in float32; a draw holds a few of them


def samples_at_once(cache_bytes: int, sample_bytes: int, vocabulary: int) -> int:
    """As many samples as there is room for, at least one. ``sample_bytes`` is the whole cache of one sample."""
    return max(1, min(cache_bytes // sample_bytes, LOGIT_BYTES // (4 * vocabulary)))


def chunks(prompts: int, group_size: int, at_once: int) -> Iterator[tuple[slice, slice]]:
    """Prompts and their samples, at most ``at_once`` of them: whole groups, or parts of one where none fits."""
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


FEW: Final = 1024  # tokens that mostly hold top_p; sorting a whole vocabulary takes ten times as long
LARGE_VOCABULARY: Final = 4096  # tokens; from here on float32 would lose the tail of a cumulative sum


def uniforms(samples: int, tokens: int, seed: int) -> Tensor:
    """Numbers in [0, 1) (samples, tokens) that depend on the seed, the sample and the position alone."""
    return torch.rand(samples, tokens, generator=torch.Generator().manual_seed(seed))


def chances(prompts: int, decoding: Decoding, seed: int | Sequence[int]) -> Tensor:
    """The numbers (prompts * group_size, max_response_length) of all samples of a call.

    With a seed for each prompt, those of sample j of a prompt depend on that seed, j and the position alone, not on
    the limit or on the size of the group. Raises ValueError where there are more or fewer seeds than prompts.
    """
    size, tokens = decoding.group_size, decoding.max_response_length
    if isinstance(seed, int):
        return uniforms(prompts * size, tokens, seed)
    if len(seed) != prompts:
        raise ValueError(f"{len(seed)} seeds for {prompts} prompts; give one seed, or one for each prompt")
    return torch.cat([uniforms(1, tokens, derive(one, sample)) for one in seed for sample in range(size)])


@dataclass(frozen=True, slots=True)
class Choice:
    """Tokens that were drawn: one of each of B rows of logits, or T of each of B responses."""

    ids: Tensor  # (B,) or (B, T) int64
    log_probs: Tensor  # of the distribution drawn from
    log_kept: Tensor | None  # log of the share of the mass that top_k and top_p left; None where nothing is cut

    @classmethod
    def join(cls, parts: Sequence[Choice]) -> Choice:
        """Put the rows of parts that were drawn alike one behind the other."""
        kept = [part.log_kept for part in parts if part.log_kept is not None]
        ids, log_probs = torch.cat([part.ids for part in parts]), torch.cat([part.log_probs for part in parts])
        return cls(ids, log_probs, torch.cat(kept) if kept else None)


def choose(logits: Tensor, uniform: Tensor, decoding: Decoding) -> Choice:
    """Draw one token from each row of logits.

    The log-probabilities are those of the distribution drawn from: at the temperature, of the tokens that ``top_k``
    and ``top_p`` leave. Together with the log of the mass that these hold they are those of the whole softmax at the
    temperature. Temperature 0 takes the likeliest token and gives its log-probability at temperature 1.

    Args:
        logits: (B, V).
        uniform: (B,) in [0, 1), which decide.
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
    ids = invert(log_probs, uniform) if decoding.temperature else logits.argmax(dim=-1)
    return Choice(ids, _of(log_probs, ids), None)


def draw(logits: Tensor, uniform: Tensor, decoding: Decoding) -> tuple[Tensor, Tensor]:
    """Return tokens (B,) and log-probabilities (B,) of ``choose``."""
    choice = choose(logits, uniform, decoding)
    return choice.ids, choice.log_probs


def invert(log_probs: Tensor, uniform: Tensor) -> Tensor:
    """The first token at which the cumulative probability exceeds ``uniform``."""
    large = log_probs.shape[-1] >= LARGE_VOCABULARY
    cumulative = log_probs.exp().cumsum(dim=-1, dtype=torch.float64 if large else None)
    # Below 1 in float32 keeps the product below the total, so the token found has a probability above 0.
    wanted = uniform[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, wanted, right=True)[:, 0]


def _choose_likely(log_probs: Tensor, uniform: Tensor, top_p: float, top_k: int) -> Choice:
    """The same among the ``top_k`` likeliest tokens, and of those the fewest that hold ``top_p`` of their mass.

    The tokens left keep the order of the vocabulary, so that a cut of little mass changes few draws.
    """
    best, ids = _likeliest(log_probs, top_p, top_k)
    share = best.exp()
    if top_k:
        share /= share.sum(dim=-1, keepdim=True)
    before = share.cumsum(dim=-1) - share  # held by the likelier tokens
    best = best.masked_fill(before >= top_p, -torch.inf)
    ids, order = ids.sort(dim=-1)
    best = best.gather(1, order)
    places = invert(best, uniform)
    log_kept = best.logsumexp(dim=-1)
    # Rounding may find a little more than the whole mass where the cut takes next to nothing.
    return Choice(_of(ids, places), _of(best, places) - log_kept, log_kept.clamp(max=0))


def _of(table: Tensor, columns: Tensor) -> Tensor:
    """The entry (B,) of each row of ``table`` (B, V) in its column (B,)."""
    return table.gather(1, columns[:, None])[:, 0]


def _likeliest(log_probs: Tensor, top_p: float, top_k: int) -> tuple[Tensor, Tensor]:
    """Log-probabilities and ids (B, K) from the likeliest down, of all tokens that may be kept."""
    best, ids = log_probs.topk(min(top_k or FEW, log_probs.shape[-1]), dim=-1)
    if top_k or bool((best.exp().sum(dim=-1) >= top_p).all()):
        return best, ids
    best, ids = log_probs.sort(dim=-1, descending=True)
    return best, ids
