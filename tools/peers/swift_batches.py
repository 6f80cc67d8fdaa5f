"""Batches of ours for the peers of ms-swift and SkyRL, as documents of ``python -m tricks apply``."""

from __future__ import annotations

import math
from typing import Any, Final

Document = dict[str, Any]


def _wave(rows: int, width: int, speed: float, scale: float, shift: float = 0.0) -> list[list[float]]:
    return [
        [round(shift + scale * math.sin(speed * (row * width + k)), 4) for k in range(width)] for row in range(rows)
    ]


def _added(one: list[list[float]], other: list[list[float]]) -> list[list[float]]:
    return [[round(a + b, 4) for a, b in zip(x, y, strict=True)] for x, y in zip(one, other, strict=True)]


def _batch(rewards: list[float], group: list[int], lengths: list[int], **others: Any) -> Document:
    rows, width = len(rewards), max(lengths)
    old = _wave(rows, width, 3.0, 0.9, -1.5)
    return {
        "rewards": rewards,
        "group": group,
        "lengths": lengths,
        "old_log_probs": old,
        "log_probs": _added(old, _wave(rows, width, 7.0, 0.45)),
        "sampler_log_probs": _added(old, _wave(rows, width, 5.0, 0.6)),
        "ref_log_probs": _added(old, _wave(rows, width, 2.0, 0.7)),
        "max_response_length": 9,
        **others,
    }


_REWARDS: Final = [0.7, 0.1, 0.1, 1.3, -0.2, 0.9, 0.9, 0.4]
_LENGTHS: Final = [7, 2, 3, 1, 4, 5, 2, 6]
_MICRO: Final = [0, 0, 0, 0, 1, 1, 1, 1]

UNEQUAL: Final = _batch(
    _REWARDS,
    [0, 0, 0, 0, 1, 1, 1, 1],
    _LENGTHS,
    truncated=[True, False, False, False, False, False, False, True],
    ended=[False, True, True, True, True, True, True, False],
    entropies=_wave(8, 7, 1.3, 0.4, 1.1),
    micro_batch=_MICRO,
)
FAR: Final = {  # log-ratios up to 5 to the reference model and up to 2.5 to the old policy
    **UNEQUAL,
    "log_probs": _added(UNEQUAL["old_log_probs"], _wave(8, 7, 7.0, 2.5)),
    "ref_log_probs": _added(UNEQUAL["old_log_probs"], _wave(8, 7, 2.0, 5.0)),
}
BEYOND: Final = {  # log-ratios up to 14 to the old policy, of one sign in a response
    **_batch([0.7, 0.1, 0.1, 1.3], [0] * 4, [2, 1, 3, 1]),
    "log_probs": [[9.5, 12.0, 0.0], [-14.0, 0.0, 0.0], [-11.0, -10.5, -13.0], [12.5, 0.0, 0.0]],
    "old_log_probs": [[-1.0, -2.0, 0.0], [-0.5, 0.0, 0.0], [-0.3, -0.2, -0.1], [-1.5, 0.0, 0.0]],
}
RIGHT_AND_WRONG: Final = _batch([1.0] + [0.0] * 7 + [1.0] * 4 + [0.0] * 4, [0] * 8 + [1] * 8, [1] * 16)
CONSTANT: Final = _batch(
    [0.1] * 3 + [0.3] * 3 + [1.0, 0.0, 0.0], [0, 0, 0, 1, 1, 1, 2, 2, 2], [2, 1, 3, 1, 1, 2, 2, 3, 1]
)
SIZES: Final = _batch(  # the mean of eight times 0.7 is rounded
    [1.0, 0.3, 0.9, 0.5, 0.2, 0.7] + [0.7] * 8, [0, 1, 1, 2, 2, 2] + [3] * 8, [2, 1, 3, 1, 4, 2] + [1, 2] * 4
)
SIXTEEN: Final = {  # from sixteen numbers on, torch sums in lanes
    "rewards": [0.3] * 16 + [1.0] + [0.0] * 15,
    "group": [0] * 16 + [1] * 16,
    "lengths": [1] * 32,
    "log_probs": [[-1.0]] * 32,
}
