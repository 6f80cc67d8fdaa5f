"""Responses that repeat themselves and cannot stop (the repeat ratio of the paper's App. B.1 and Fig. 14).

The paper walks back from the truncation point and looks for repeated content, above a threshold that it does not
give. Here a truncated response repeats if its last tokens are one block written at least twice in a row, without a
gap and token by token the same, and if these copies cover at least ``LEAST_TOKENS`` tokens, or half of the response
where that is less. The last copy may be cut anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from torch import Tensor

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
