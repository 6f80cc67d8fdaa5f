"""How many samples are decoded at a time, so that keys, values and logits stay within stated bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

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
