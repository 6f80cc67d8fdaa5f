r"""The boxes of a response, ``\boxed{...}``, in linear time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

# What a response earns whose last box is left open behind a complete one: nothing, or what the complete one earns.
OpenBox = Literal["wrong", "ignored"]

_MARK: Final = re.compile(r"\\boxed\s*(?:\{|\Z)|\\(?!\\boxed\s*(?:\{|\Z)).|[{}]", re.DOTALL)
_BOX: Final = re.compile(r"\\boxed\s*\{")
_COMMENT: Final = re.compile(r"(?:(?<=\s)|\A)%(.*)")
_WORD: Final = re.compile("[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Boxes:
    """Return the answer that a response gives."""

    last: str | None  # content of the complete box that closes last; None where no box is complete
    left_open: bool  # whether the box that opens last is never closed


def read_boxes(response: str) -> Boxes:
    r"""Find the complete box that closes last, and whether another was begun behind it.

    Escaped braces do not count, and a doubled backslash before the command makes no difference. A box within a box
    belongs to the outer one: ``\boxed{x=\boxed{2}}`` holds ``x={2}``. A comment in a box, from a ``%`` behind space to
    the end of its line, is no part of the answer. ``\boxed`` at the very end is a box that was begun.
    """
    first = response.find("\\boxed")
    if first < 0:
        return Boxes(None, left_open=False)
    span, left_open = _scan(response, first)
    if span is None:
        return Boxes(None, left_open)
    *lines, end = _BOX.sub("{", response[slice(*span)]).split("\n")
    return Boxes("\n".join([*map(_without_comment, lines), end]), left_open)


def last_box(response: str) -> str | None:
    """Return the content of the complete box that closes last; None where no box is complete."""
    return read_boxes(response).last


def _scan(response: str, start: int) -> tuple[tuple[int, int] | None, bool]:
    """Return the span of what the last complete box holds, and whether the box that opens last is left open."""
    opened: list[int | None] = []  # where the content of a box begins; None for another brace
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
    """Remove the comment of a line, which has words: ``50 %`` at the end of a line is a percentage."""
    found = _COMMENT.search(line)
    return line[: found.start()] if found and _WORD.search(found[1]) else line
