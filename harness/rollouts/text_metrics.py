"""Metrics of the sampled text: lengths, repetition and token probabilities."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from harness.engines.base.protocols import Samples


_BROKEN: Final = "\N{REPLACEMENT CHARACTER}"


def token_text(tokenizer: PreTrainedTokenizerBase, token: int) -> str:
    """The token as it reads in a text; a part of a character, which has no text, as the vocabulary writes it."""
    text = str(tokenizer.decode([token], clean_up_tokenization_spaces=False))
    return str(tokenizer.convert_ids_to_tokens(token)) if _BROKEN in text else text


EDGES: Final = (0.0, 0.3, 0.6, 0.85, 0.95, 0.99, 1.0)  # of the paper; a bin holds its lower edge, the last both
NAMES: Final = tuple(f"probability/{low:g}-{high:g}" for low, high in pairwise(EDGES))


def shares(log_probs: Tensor) -> dict[str, float]:
    """Share of sampled tokens by the probability that the policy gave them, from their log-probs (n,), n > 0."""
    inner = torch.tensor(EDGES[1:-1], dtype=torch.float64, device=log_probs.device)
    bins = torch.bucketize(log_probs.to(torch.float64).exp(), inner, right=True)
    counts = torch.bincount(bins, minlength=len(NAMES)).tolist()
    return {name: count / len(log_probs) for name, count in zip(NAMES, counts, strict=True)}


LEAST_TOKENS: Final = 64


def repeated(ids: Tensor, mask: Tensor, truncated: Tensor) -> Tensor:
    """Which responses (B,) repeat at their end; ``ids`` (B, T) right-padded by ``mask``. False where not truncated."""
    found, lengths = torch.zeros_like(truncated), mask.sum(dim=1)
    for length in sorted(set(lengths[truncated].tolist())):  # one, as a rule: the limit
        rows = (truncated & (lengths == length)).nonzero()[:, 0]
        found[rows] = repeats(ids[rows, :length])
    return found


def repeats(ids: Tensor) -> Tensor:
    """Which rows (R,) of these tokens (R, n) end in copies of one block, long enough."""
    back = ids.flip(1)
    least = min(LEAST_TOKENS, -(-ids.shape[1] // 2))
    found: set[int] = set()
    for row, block in _blocks(back, -(-least // 2)):
        if row not in found and _copied(back[row], block, max(2 * block, least)):
            found.add(row)
    return torch.tensor([row in found for row in range(len(ids))], dtype=torch.bool, device=ids.device)


def _blocks(back: Tensor, overlap: int) -> list[tuple[int, int]]:
    """Rows and lengths of blocks where the last ``overlap`` tokens stand one block earlier, as copies make them."""
    count = back.shape[1] - overlap
    equal = torch.ones_like(back[:, :count], dtype=torch.bool)  # (R, count), of blocks of 1, 2, ... tokens
    for place in range(overlap):
        equal &= back[:, place + 1 : place + 1 + count] == back[:, place : place + 1]
    return [(row, shift + 1) for row, shift in equal.nonzero().tolist()]


def _copied(back: Tensor, block: int, length: int) -> bool:
    """Whether the last ``length`` tokens (n,) have the period ``block``."""
    return length <= len(back) and torch.equal(back[block:length], back[: length - block])


def describe(samples: Samples, right: Tensor, log_probs: Tensor) -> dict[str, float]:
    """Metrics of B responses. ``right`` (B,) bool is the verifier's word, ``log_probs`` (B, T) the policy's.

    A metric of responses of which the batch has none is left out.
    """
    right = right.to(samples.truncated.device)
    ran_on = repeated(samples.response_ids, samples.response_mask, samples.truncated)
    lengths = samples.response_mask.sum(dim=1)
    found: dict[str, float] = {}
    for word, chosen in (("right", right), ("wrong", ~right)):
        found |= _mean(f"response/length_{word}", lengths, chosen)
        found |= _mean(f"response/truncated_{word}", samples.truncated, chosen)
        found |= _mean(f"response/repeated_{word}", ran_on, chosen & samples.truncated)
    return found | shares(log_probs[samples.response_mask])


def _mean(name: str, values: Tensor, chosen: Tensor) -> dict[str, float]:
    picked = values[chosen]
    return {name: picked.to(torch.float64).mean().item()} if len(picked) else {}
