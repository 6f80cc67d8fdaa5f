"""One gold against the content of one box: what a worker does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from harness.verify.compare import difference
from harness.verify.constants import renamings
from harness.verify.errors import Refused
from harness.verify.exact import Undefined
from harness.verify.options import chosen, option
from harness.verify.quick import spelling
from harness.verify.reader import read
from harness.verify.readings import other_readings
from harness.verify.sentences import same_words
from harness.verify.shapes import Brackets, Listing, Scalar, Shape, Text
from harness.verify.tree import symbols

_GROUPED: Final = re.compile(r"\s*\$?\s*[1-9]\d{0,2}(?:,[1-9]\d{2}){2,}\s*\$?\s*")


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


_RIGHT: Final = Opinion(right=True, reason="equal")


def judge(gold: str, answer: str, tolerance: float | None) -> Opinion:
    """The opinion on an answer; ``gold_unreadable`` where another reader has to be asked."""
    opinion = _as_written(gold, answer, tolerance)
    if opinion.right:
        return opinion
    letter = option(gold)
    if letter is not None and chosen(answer) == letter:
        return _RIGHT
    for one, other in other_readings(gold, answer):
        if spelling(one) == spelling(other) or _as_written(one, other, tolerance).right:
            return _RIGHT
    return opinion


def _as_written(gold: str, answer: str, tolerance: float | None) -> Opinion:
    wanted = read_gold(gold)
    if wanted.shape is None:
        return Opinion(right=False, reason="gold_unreadable")
    if isinstance(wanted.shape, Text):
        same = same_words(gold, answer)
        return Opinion(same, "equal" if same else "different")
    reason = _difference(wanted.shape, answer, tolerance)
    if reason is not None and _same_members(gold, answer):
        reason = None
    return Opinion(reason is None, reason or "equal")


@lru_cache(maxsize=4_096)
def read_gold(gold: str) -> ReadGold:
    """The gold as read; bare letters that could be a product are one."""
    try:
        return ReadGold(read(gold, loose=False), "equal")
    except Refused as refused:
        return ReadGold(None, refused.reason)
    except Undefined:
        return ReadGold(None, "unreadable")


def _difference(wanted: Shape, answer: str, tolerance: float | None) -> str | None:
    try:
        given = read(answer, loose=_has_no_symbols(wanted))
        reason = difference(wanted, given, tolerance)
        renamed = renamings(wanted, given) if reason is not None else ()
        return None if any(difference(wanted, one, tolerance) is None for one in renamed) else reason
    except Refused as refused:
        return refused.reason
    except Undefined:
        return "different"


def _same_members(gold: str, answer: str) -> bool:
    """Whether one writes ``100,200,300`` and the other ``100, 200, 300``: one number or three, but the same answer.

    Not for two members: ``4,320`` is a number, and ``4, 320`` are two.
    """
    grouped = [_GROUPED.fullmatch(text) is not None for text in (gold, answer)]
    if grouped[0] == grouped[1] or ";" in answer:
        return False
    one, other = (text.replace(",", ", ") for text in (gold, answer))
    try:
        shapes = [read(text) for text in (one, other)]
    except (Refused, Undefined):
        return False
    members = [Brackets("", "", shape.members) for shape in shapes if isinstance(shape, Listing)]
    return len(members) == 2 and difference(members[0], members[1]) is None


def _has_no_symbols(shape: Shape) -> bool:
    if isinstance(shape, Listing):
        return all(_has_no_symbols(member) for member in shape.members)
    return not isinstance(shape, Scalar) or not symbols(shape.tree)
