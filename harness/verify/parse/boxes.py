r"""Find the boxes of a response, ``\boxed{...}``, in linear time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

# How to judge a response whose last box is not closed after a complete box: as incorrect, or by the complete box.
OpenBox = Literal["wrong", "ignored"]

_MARK: Final = re.compile(r"\\boxed\s*(?:\{|\Z)|\\(?!\\boxed\s*(?:\{|\Z)).|[{}]", re.DOTALL)
_BOX: Final = re.compile(r"\\boxed\s*\{")
_COMMENT: Final = re.compile(r"(?:(?<=\s)|\A)%(.*)")
_WORD: Final = re.compile("[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Boxes:
    """The result of reading the boxes of a response."""

    last: str | None  # content of the last complete box to close; None without one
    left_open: bool  # True: the last box to open is not closed


def read_boxes(response: str) -> Boxes:
    r"""Find the complete box that closes last, and whether a later box is left open.

    Escaped braces do not count. A doubled backslash before the command makes no difference. A box inside a box belongs
    to the outer one: ``\boxed{x=\boxed{2}}`` contains ``x={2}``. A comment in a box is not part of the answer. It
    starts at a ``%`` after white space and ends with the line. ``\boxed`` at the end of the response counts as an open
    box.
    """
    first = response.find("\\boxed")
    if first < 0:
        return Boxes(None, left_open=False)
    span, left_open = _scan(response, first)
    if span is None:
        return Boxes(None, left_open)
    *lines, end = _BOX.sub("{", response[slice(*span)]).split("\n")
    return Boxes("\n".join([*map(_without_comment, lines), end]), left_open)


def find_last_box(response: str) -> str | None:
    """Return the content of the complete box that closes last; None without one."""
    return read_boxes(response).last


def _scan(response: str, start: int) -> tuple[tuple[int, int] | None, bool]:
    """Return the content span of the last complete box, and whether the last box is open."""
    opened: list[int | None] = []  # start of the content of a box; None for any other brace
    span, latest, left_open = None, -1, False
    for mark in _MARK.finditer(response, start):
        if mark[0] == "}":
            begins = opened.pop() if opened else None
            span = span if begins is None else (begins, mark.start())
            left_open = left_open and begins != latest
        elif mark[0] == "{":
            opened.append(None)
        elif len(mark[0]) > 2:
            latest, left_open = mark.end(), True
            opened.append(latest)
    return span, left_open


def _without_comment(line: str) -> str:
    """Remove the comment of a line if it has words; ``50 %`` at the end is a percentage."""
    found = _COMMENT.search(line)
    return line[: found.start()] if found and _WORD.search(found[1]) else line
