r"""The content of the last complete ``\boxed{...}`` of a response, in linear time."""

from __future__ import annotations

import re
from typing import Final

_MARK: Final = re.compile(r"\\boxed\s*\{|\\(?!\\boxed\s*\{).|[{}]", re.DOTALL)
_BOX: Final = re.compile(r"\\boxed\s*\{")


def last_box(response: str) -> str | None:
    r"""What the complete box that closes last holds; None where no box is complete.

    Escaped braces do not count, and a doubled backslash before the command makes no difference. A box within a box
    belongs to the outer one: ``\boxed{x=\boxed{2}}`` holds ``x={2}``.
    """
    first = _BOX.search(response)
    if first is None:
        return None
    span = _last_span(response, first.start())
    return None if span is None else _BOX.sub("{", response[slice(*span)])


def _last_span(response: str, start: int) -> tuple[int, int] | None:
    opened: list[int | None] = []  # where the content of a box begins; None for another brace
    span = None
    for mark in _MARK.finditer(response, start):
        if mark[0] == "}":
            begins = opened.pop() if opened else None
            span = span if begins is None else (begins, mark.start())
        elif mark[0] == "{":
            opened.append(None)
        elif len(mark[0]) > 2:
            opened.append(mark.end())
    return span
