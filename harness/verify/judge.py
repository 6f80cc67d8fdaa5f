"""One gold against the content of one box: what a worker does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from harness.verify.compare import difference
from harness.verify.errors import Refused
from harness.verify.exact import Undefined
from harness.verify.reader import letters, read
from harness.verify.shapes import Listing, Scalar, Shape, Text
from harness.verify.tree import symbols


@dataclass(frozen=True, slots=True)
class ReadGold:
    """A gold as read, or why it could not be."""

    shape: Shape | None
    reason: str


@dataclass(frozen=True, slots=True)
class Opinion:
    """Right or wrong, and why."""

    right: bool
    reason: str


def judge(gold: str, answer: str, tolerance: float | None) -> Opinion:
    """The opinion on an answer; ``gold_unreadable`` where another reader has to be asked."""
    wanted = read_gold(gold)
    if wanted.shape is None:
        return Opinion(right=False, reason="gold_unreadable")
    if isinstance(wanted.shape, Text):
        same = letters(answer) == letters(gold)
        return Opinion(same, "equal" if same else "different")
    try:
        given = read(answer, loose=_has_no_symbols(wanted.shape))
        reason = difference(wanted.shape, given, tolerance)
    except Refused as refused:
        reason = refused.reason
    except Undefined:
        reason = "different"
    return Opinion(reason is None, reason or "equal")


@lru_cache(maxsize=4_096)
def read_gold(gold: str) -> ReadGold:
    """The gold as read; bare letters that could be a product are one."""
    try:
        return ReadGold(read(gold, loose=False), "equal")
    except (Refused, Undefined) as refused:
        return ReadGold(None, str(refused))


def _has_no_symbols(shape: Shape) -> bool:
    if isinstance(shape, Listing):
        return all(_has_no_symbols(member) for member in shape.members)
    return not isinstance(shape, Scalar) or not symbols(shape.tree)
