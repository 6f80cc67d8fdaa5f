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
    found = torch.zeros_like(truncated)
    for row in truncated.nonzero()[:, 0].tolist():
        found[row] = repeats(ids[row][mask[row]])
    return found


def repeats(ids: Tensor) -> bool:
    """Whether the last of these tokens (n,) are copies of one block, long enough."""
    back = ids.flip(0)
    least = min(LEAST_TOKENS, -(-len(ids) // 2))
    return any(_copied(back, block, max(2 * block, least)) for block in _blocks(back, -(-least // 2)))


def _blocks(back: Tensor, overlap: int) -> list[int]:
    """Lengths of blocks for which the last ``overlap`` tokens are those one block earlier, as every copy has them."""
    if len(back) <= overlap:
        return []
    windows = back.unfold(0, overlap, 1)  # (n - overlap + 1, overlap)
    found: list[int] = (windows == back[:overlap]).all(dim=1).nonzero()[1:, 0].tolist()
    return found


def _copied(back: Tensor, block: int, length: int) -> bool:
    """Whether the last ``length`` tokens have the period ``block``."""
    return length <= len(back) and torch.equal(back[block:length], back[: length - block])
