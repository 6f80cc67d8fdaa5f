"""Addresses of numbers in tables: ``TABLE/ROW/COLUMN``, such as ``norms.laptop/small_base,easy,batch/final/accuracy``.

TABLE is the name of the files, without their ending. ROW names labels of the row, in any order, as many as it takes to
tell it from the others; ``axis=label`` where a label alone could be of two axes. COLUMN is the name of the column in
the CSV file or its title, or a part of either.
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
    """An address that leads nowhere, or to several numbers; the message lists where it could lead."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """An address as it was given, perhaps in part."""

    table: str
    labels: tuple[str, ...]
    column: str


def parse(text: str) -> Fragment:
    """Cut an address into its parts; those that are missing are empty."""
    table, _, rest = text.strip().partition("/")
    row, _, column = rest.partition("/")
    if not table:
        raise TraceError(f"give the address of a number: {EXAMPLE}")
    return Fragment(table, tuple(part.strip() for part in row.split(",") if part.strip()), column.strip())


def find_table(wanted: str, names: Collection[str]) -> str:
    """The table of this name, or the only one that begins with it."""
    if wanted in names:
        return wanted
    near = sorted(name for name in names if name.startswith(wanted))
    if len(near) == 1:
        return near[0]
    if near:
        raise TraceError(f"several tables begin with {wanted}: {_listed(near)}")
    raise TraceError(f"no table {wanted!r}; {suggest(wanted, names)}")


def find(book: TracedTable, fragment: Fragment) -> tuple[int, int]:
    """The row and the column of the number. Raises TraceError, with the candidates where there are several."""
    rows, columns = _rows(book, fragment.labels), _columns(book, fragment.column)
    found = [(row, column) for row in rows for column in columns]
    if len(found) > 1:
        texts = [address(book, row, column) for row, column in found]
        raise TraceError(f"{len(found)} numbers fit; give more of the address:\n  {_listed(texts, chr(10) + '  ')}")
    return found[0]


def address(book: TracedTable, row: int, column: int) -> str:
    """The whole address of a number."""
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
