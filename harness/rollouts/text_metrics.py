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


def decode_token(tokenizer: PreTrainedTokenizerBase, token: int) -> str:
    """Return the text of a token; for a part of a character, its form in the vocabulary."""
    text = str(tokenizer.decode([token], clean_up_tokenization_spaces=False))
    return str(tokenizer.convert_ids_to_tokens(token)) if _BROKEN in text else text


EDGES: Final = (0.0, 0.3, 0.6, 0.85, 0.95, 0.99, 1.0)  # bins of the paper; each contains its lower edge, the last both
NAMES: Final = tuple(f"probability/{low:g}-{high:g}" for low, high in pairwise(EDGES))


def shares(log_probs: Tensor) -> dict[str, float]:
    """Return the share of sampled tokens in each bin of the policy's probability.

    ``log_probs`` (n,) are the tokens' log-probabilities, n > 0.
    """
    inner = torch.tensor(EDGES[1:-1], dtype=torch.float64, device=log_probs.device)
    bins = torch.bucketize(log_probs.to(torch.float64).exp(), inner, right=True)
    counts = torch.bincount(bins, minlength=len(NAMES)).tolist()
    return {name: count / len(log_probs) for name, count in zip(NAMES, counts, strict=True)}


LEAST_TOKENS: Final = 64


def mask_repetitive(ids: Tensor, mask: Tensor, truncated: Tensor) -> Tensor:
    """Return a mask (B,) of the truncated responses that repeat at their end.

    Args:
        ids: (B, T) int64, right-padded responses.
        mask: (B, T) bool, response tokens.
        truncated: (B,) bool, responses that the length limit stopped.

    Returns:
        (B,) bool, False where not truncated.

    """
    found, lengths = torch.zeros_like(truncated), mask.sum(dim=1)
    for length in sorted(set(lengths[truncated].tolist())):  # usually one length: the limit
        rows = (truncated & (lengths == length)).nonzero()[:, 0]
        found[rows] = mask_repeating_rows(ids[rows, :length])
    return found


def mask_repeating_rows(ids: Tensor) -> Tensor:
    """Return a mask (R,) of the rows (R, n) of tokens that end in copies of one block.

    Together the copies hold at least ``LEAST_TOKENS`` tokens, or half of the row if that is less.
    """
    back = ids.flip(1)
    least = min(LEAST_TOKENS, -(-ids.shape[1] // 2))
    found: set[int] = set()
    for row, block in _blocks(back, -(-least // 2)):
        if row not in found and _copied(back[row], block, max(2 * block, least)):
            found.add(row)
    return torch.tensor([row in found for row in range(len(ids))], dtype=torch.bool, device=ids.device)


def _blocks(back: Tensor, overlap: int) -> list[tuple[int, int]]:
    """Return rows and lengths of blocks that repeat.

    The last ``overlap`` tokens of the row also occur one block earlier.
    """
    count = back.shape[1] - overlap
    equal = torch.ones_like(back[:, :count], dtype=torch.bool)  # (R, count), of blocks of 1, 2, ... tokens
    for place in range(overlap):
        equal &= back[:, place + 1 : place + 1 + count] == back[:, place : place + 1]
    return [(row, shift + 1) for row, shift in equal.nonzero().tolist()]


def _copied(back: Tensor, block: int, length: int) -> bool:
    """Return whether the last ``length`` tokens (n,) have the period ``block``."""
    return length <= len(back) and torch.equal(back[block:length], back[: length - block])


def describe_text(samples: Samples, right: Tensor, log_probs: Tensor) -> dict[str, float]:
    """Return metrics of B responses. A metric without a response in the batch is left out.

    Args:
        samples: The responses.
        right: (B,) bool, responses that the verifier judged correct.
        log_probs: (B, T), log-probabilities of the policy.

    Returns:
        Metric name -> value.

    """
    right = right.to(samples.truncated.device)
    ran_on = mask_repetitive(samples.response_ids, samples.response_mask, samples.truncated)
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
