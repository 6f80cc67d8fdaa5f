"""Draws that depend on a seed and on ids, never on the order of a file or on a machine."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

from harness.data.answers import is_guessable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.data.rows import Row


def uniform(seed: int, purpose: str, row_id: str) -> float:
    """A number in (0, 1) that a seed, a purpose and an id decide."""
    digest = hashlib.blake2b(f"{seed}:{purpose}:{row_id}".encode(), digest_size=6).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**48


def shuffled(rows: Sequence[Row], seed: int, purpose: str) -> list[Row]:
    """A uniform random order."""
    return sorted(rows, key=lambda row: (uniform(seed, purpose, row.row_id), row.row_id))


def easiest_first(rows: Sequence[Row], seed: int, purpose: str) -> list[Row]:
    """By difficulty; equally difficult ones in random order."""
    return sorted(rows, key=lambda row: (_difficulty(row), uniform(seed, purpose, row.row_id), row.row_id))


def by_difficulty(rows: Sequence[Row], seed: int, purpose: str) -> list[Row]:
    """A random order in which each place falls to a row with probability proportional to its difficulty.

    An exponential race: row i arrives at -ln(u_i) / difficulty_i, and the first to arrive are drawn
    without replacement (Efraimidis and Spirakis, 2006).
    """
    return sorted(rows, key=lambda row: (-math.log(uniform(seed, purpose, row.row_id)) / _difficulty(row), row.row_id))


def take(ordered: Sequence[Row], size: int, guessable: float) -> tuple[list[Row], list[Row]]:
    """The first ``size`` rows, at most a share of ``guessable`` of which can be guessed, and those passed over."""
    guesses = {row.row_id for row in ordered if is_guessable(row.answer)}
    allowed = _allowed(min(size, len(ordered)), len(ordered) - len(guesses), guessable)
    taken: list[Row] = []
    passed: list[Row] = []
    for row in ordered:
        if len(taken) == size:
            break
        is_guess = row.row_id in guesses
        (taken if not is_guess or allowed > 0 else passed).append(row)
        allowed -= is_guess
    return taken, passed


def _allowed(size: int, others: int, share: float) -> int:
    """How many guessable rows a tier may have: a share of its size, or of what the others leave it with."""
    if share >= 1:
        return size
    return math.floor(min(share * size, others * share / (1 - share)) + 1e-9)


def _difficulty(row: Row) -> float:
    if row.difficulty is None:
        raise ValueError(f"{row.row_id} has no difficulty")
    return row.difficulty
