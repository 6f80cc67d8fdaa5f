"""Small batches of rollouts on which frameworks are run: documents as in docs/reference/rollouts.md."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

WIDTH: Final = 6  # tokens of the longest response, and the limit of the run

_MIXED: Final = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0]
_REAL: Final = [0.7, -0.2, 1.3, 0.05, 2.5, -1.0, 0.3, 0.3, -0.6, 0.9, 0.15, 0.4]
_CONSTANT: Final = [0.1] * 8 + [0.3] * 8
_LENGTHS: Final = [3, 5, 2, 4, 6, 1, 4, 3, 5, 2, 6, 4]


def make_batches() -> dict[str, dict[str, Any]]:
    """Return batches by name.

    They differ in rewards, sizes of groups, lengths, truncated responses, and the distance of the policies.
    """
    fours, ones = [index // 4 for index in range(12)], [1] * 8
    return {
        "near": _document(1, _MIXED, fours, _LENGTHS, 0.15),
        "far": _document(2, _REAL, fours, _LENGTHS, 1.6),
        "constant": _document(3, _CONSTANT, [index // 8 for index in range(16)], ones + ones, 0.2),
        "truncated": _document(4, _MIXED, fours, _LENGTHS, 0.4, truncated=True),
        "unequal": _document(5, _REAL, [0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2], _LENGTHS, 0.4),
        "pairs": _document(6, _REAL, [index // 2 for index in range(12)], _LENGTHS, 0.3),
    }


def _document(
    seed: int, rewards: list[float], group: list[int], lengths: list[int], distance: float, *, truncated: bool = False
) -> dict[str, Any]:
    """Return a document with log-probs of four policies at a distance, in six decimals that float32 holds."""
    draw = np.random.default_rng(seed)
    current = draw.uniform(-3.0, -0.5, (len(rewards), WIDTH))

    def rows(values: Any, *, most: float = 10.0) -> list[list[float]]:
        return [
            [round(min(float(value), most), 5) for value in row[:length]]
            for row, length in zip(values, lengths, strict=True)
        ]

    def moved(scale: float) -> list[list[float]]:
        return rows(current + scale * draw.normal(size=current.shape), most=-0.01)

    return {
        "rewards": rewards,
        "group": group,
        "lengths": lengths,
        "log_probs": rows(current),
        "old_log_probs": moved(distance),
        "sampler_log_probs": moved(distance),
        "ref_log_probs": moved(2 * distance),
        "entropies": rows(draw.uniform(0.1, 2.0, current.shape)),
        "truncated": [truncated and length == WIDTH for length in lengths],
        "max_response_length": WIDTH,
    }
