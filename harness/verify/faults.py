"""Faults of an input's lines, each kind of them said once with its count and its first lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST: Final = 5  # line numbers that a message lists
_MOST_KINDS: Final = 20  # that are said one by one, so that no input fills the screen
_NUMBER: Final = re.compile(r"\d+")


@dataclass(slots=True)
class _Kind:
    """The message of the first line that has it, how many have it, and the numbers of the first."""

    message: str
    count: int = 0
    first: list[int] = field(default_factory=list)


class Faults:
    """Lines that could not be read. Messages that differ in their numbers alone are one kind."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}
        self._others = _Kind("other faults")
        self.count = 0

    def add(self, line: int, message: str) -> None:
        """Count a fault of a line, by its number."""
        key = _NUMBER.sub("0", message)
        if key not in self._kinds and len(self._kinds) == _MOST_KINDS:
            kind = self._others
        else:
            kind = self._kinds.setdefault(key, _Kind(message))
        self.count += 1
        kind.count += 1
        if len(kind.first) < _FIRST:
            kind.first.append(line)

    def messages(self) -> Iterator[str]:
        """One message a kind, in the order of their first lines."""
        for kind in (*self._kinds.values(), self._others):
            if kind.count:
                yield f"{_lines(kind)}: {kind.message}"


def _lines(kind: _Kind) -> str:
    """``line 3``, ``lines 3, 5`` or ``lines 1, 2, 3, 4, 5 and 1,995 more, 2,000 in all``."""
    numbers = ", ".join(map(str, kind.first))
    if kind.count == 1:
        return f"line {numbers}"
    if kind.count <= _FIRST:
        return f"lines {numbers}"
    return f"lines {numbers} and {kind.count - len(kind.first):,} more, {kind.count:,} in all"
