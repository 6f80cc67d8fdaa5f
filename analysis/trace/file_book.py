"""Tables that are files alone: their runs are not in this store, or they are of another kind."""

from __future__ import annotations

import csv
import re
from io import StringIO
from typing import TYPE_CHECKING, Final

from analysis.trace.book import Book, Heading, Number, Row
from harness.results import shown
from harness.store_errors import explained

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?%?")


def names(tables: Path) -> list[str]:
    """The tables in a folder, by the names of their files."""
    return sorted(path.stem for path in tables.glob("*.csv"))


def file_book(tables: Path, name: str) -> Book:
    """A CSV file as a book. Its rows are named by their first columns that hold words."""
    path = tables / f"{name}.csv"
    with explained(str(path)):
        head, *lines = list(csv.reader(StringIO(path.read_text(encoding="utf-8"))))
    words = _words(head, lines)
    numbers = [place for place in range(len(head)) if place not in words]
    return Book(
        name=name,
        rows=tuple(Row({head[place]: line[place] for place in words if line[place]}) for line in lines),
        columns=tuple(Heading(head[place], head[place]) for place in numbers),
        look=lambda row, column: Number(lines[row][numbers[column]] or "—", _notes(tables / f"{name}.md")),
    )


def _words(head: Sequence[str], lines: Sequence[Sequence[str]]) -> list[int]:
    """The columns before the first that holds numbers."""
    for place in range(len(head)):
        filled = [line[place] for line in lines if line[place]]
        if filled and all(_NUMBER.fullmatch(text) for text in filled) and place > 0:
            return list(range(place))
    return list(range(len(head) - 1))


def _notes(markdown: Path) -> tuple[str, ...]:
    """What the table says under itself: seeds, commits, how numbers are made."""
    try:
        lines = markdown.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    said = [line.removeprefix("- ") for line in lines if line.startswith("- ")]
    return (f"the runs behind this table are not in this store; {shown(markdown)} says of itself:", *said)
