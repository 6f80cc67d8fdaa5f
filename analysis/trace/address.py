"""Addresses of numbers in tables: ``TABLE/ROW/COLUMN``.

An example is ``norms.laptop/small_base,easy,batch/final/accuracy``. TABLE is the name of the files without their
ending. ROW lists labels of the row in any order, as many as are needed to identify it. ``axis=label`` is needed if a
label occurs on two axes. COLUMN is the column's name in the CSV file, its title, or a part of either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.common.schema import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from analysis.trace.text import TracedRow, TracedTable

EXAMPLE: Final = "CELL=TABLE/LABEL,LABEL/COLUMN, as in CELL=norm_ablation.laptop/small_base,mixed,group/final/accuracy"
AT_MOST: Final = 12  # candidates that an error lists


class TraceError(LookupError):
    """An address without a number, or with several; the message lists the candidates."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """An address as given, possibly incomplete."""

    table: str
    labels: tuple[str, ...]
    column: str


def parse_address(text: str) -> Fragment:
    """Split an address into its parts; missing parts are empty.

    Raises TraceError without a table.
    """
    table, _, rest = text.strip().partition("/")
    row, _, column = rest.partition("/")
    if not table:
        raise TraceError(f"address: required; give that of a number: {EXAMPLE}")
    return Fragment(table, tuple(part.strip() for part in row.split(",") if part.strip()), column.strip())


def find_table(wanted: str, names: Collection[str]) -> str:
    """Return the table with this name, or the only one whose name starts with it.

    Raises TraceError if there is none or several.
    """
    if wanted in names:
        return wanted
    near = sorted(name for name in names if name.startswith(wanted))
    if len(near) == 1:
        return near[0]
    if near:
        raise TraceError(f"several tables begin with {wanted}: {_listed(near)}")
    raise TraceError(f"no table {wanted!r}; {suggest(wanted, names)}")


def find_number(book: TracedTable, fragment: Fragment) -> tuple[int, int]:
    """Return the row and the column of a number.

    Raises TraceError if there is none or several, and lists the candidates.
    """
    rows, columns = _rows(book, fragment.labels), _columns(book, fragment.column)
    found = [(row, column) for row in rows for column in columns]
    if len(found) > 1:
        texts = [format_address(book, row, column) for row, column in found]
        raise TraceError(f"{len(found)} numbers match; give more of the address:\n  {_listed(texts, chr(10) + '  ')}")
    return found[0]


def format_address(book: TracedTable, row: int, column: int) -> str:
    """Return the full address of a number.

    Args:
        book: The table.
        row: Index of the row.
        column: Index of the column.

    """
    return f"{book.name}/{','.join(book.rows[row].labels.values())}/{book.columns[column].key}"


def _rows(book: TracedTable, wanted: Sequence[str]) -> list[int]:
    fitting = _fitting(book.rows, wanted, _has) or _fitting(book.rows, wanted, _holds)
    exact = [place for place in fitting if {*book.rows[place].labels.values()} == {*wanted}]
    if not fitting:
        known = {label for row in book.rows for label in row.labels.values()} - {""}
        unknown = next((word for word in wanted if word.rpartition("=")[2] not in known), None)
        if unknown is not None:
            raise TraceError(f"{book.name} has no row with {unknown!r}; {suggest(unknown.rpartition('=')[2], known)}")
        near = [",".join(book.rows[place].labels.values()) for place in _nearest(book.rows, wanted)]
        raise TraceError(f"{book.name} has no row with all of {', '.join(wanted)}; nearest: {_listed(near)}")
    return exact or fitting


def _has(row: TracedRow, word: str) -> bool:
    axis, equals, label = word.rpartition("=")
    return row.labels.get(axis) == label if equals else word in row.labels.values()


def _holds(row: TracedRow, word: str) -> bool:
    return any(word in label for label in row.labels.values())


def _fitting(rows: Sequence[TracedRow], wanted: Sequence[str], fits: Callable[[TracedRow, str], bool]) -> list[int]:
    return [place for place, row in enumerate(rows) if all(fits(row, word) for word in wanted)]


def _nearest(rows: Sequence[TracedRow], wanted: Sequence[str]) -> list[int]:
    shared = [sum(_has(row, word) for word in wanted) for row in rows]
    return [place for place, count in enumerate(shared) if count == max(shared)]


def _columns(book: TracedTable, wanted: str) -> list[int]:
    names = [(column.key.lower(), column.title.lower()) for column in book.columns]
    exact = [place for place, pair in enumerate(names) if wanted.lower() in pair]
    fitting = exact or [place for place, pair in enumerate(names) if any(wanted.lower() in name for name in pair)]
    if not fitting:
        raise TraceError(f"{book.name} has no column {wanted!r}; {suggest(wanted, [c.key for c in book.columns])}")
    return fitting


def _listed(texts: Sequence[str], between: str = ", ") -> str:
    more = f"{between}and {len(texts) - AT_MOST} more" if len(texts) > AT_MOST else ""
    return between.join(texts[:AT_MOST]) + more
