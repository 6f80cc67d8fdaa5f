"""Rows of a JSON Lines file, each checked when it is read."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.common.schema import refuse_constant
from harness.data.catalog import DataError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataRow:
    """A problem in the form of its source."""

    row_id: str
    problem: str
    answer: str  # empty if the source has no answer
    difficulty: float | None = None
    tolerance: float | None = None  # absolute difference
    place: str = ""  # file and line, for messages

    def as_problem(self) -> Problem:
        """Return the problem that asks this row."""
        return Problem(self.row_id, self.problem, self.answer, verifier="math", tolerance=self.tolerance)


def parse_rows(content: bytes, path: Path, *, difficulty: bool = False) -> tuple[DataRow, ...]:
    """Return the rows of a file's content.

    Args:
        content: The content of the file.
        path: The file, for messages.
        difficulty: True if every row must have a difficulty.

    Returns:
        At least one row.

    Raises:
        DataError: The file has no rows, or a row is invalid.

    """
    rows = [_row(_object(line, place), place, difficulty) for place, line in _lines(content, path)]
    if not rows:
        raise DataError(f"{path}: the file has no rows; copy it again")
    refuse_repeated(rows)
    return tuple(rows)


def refuse_repeated(rows: Iterable[DataRow]) -> None:
    """Raise DataError where two rows have the same id."""
    places: dict[str, str] = {}
    for row in rows:
        if row.row_id in places:
            first = places[row.row_id]
            raise DataError(f"{row.place}: id {row.row_id!r} is already used by {first}; give every row its own id")
        places[row.row_id] = row.place


def _lines(content: bytes, path: Path) -> Iterable[tuple[str, bytes]]:
    # Split only at LF, because statements may contain U+2028 and similar characters.
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            yield f"{path}:{number}", line


def _object(line: bytes, place: str) -> dict[str, Any]:
    try:
        found = json.loads(line.decode("utf-8"), parse_constant=refuse_constant)
    except UnicodeDecodeError as error:
        raise DataError(f"{place}: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{place}: no complete JSON object ({error}); the file may be truncated; copy it again"
        ) from None
    if not isinstance(found, dict):
        raise DataError(f"{place}: a {type(found).__name__}; write a JSON object with id, problem and answer")
    return found


def _row(fields: dict[str, Any], place: str, difficulty: bool) -> DataRow:
    answer = "answer_norm" if "answer_norm" in fields else "answer"
    return DataRow(
        row_id=_text(fields, "id", place),
        problem=_text(fields, "problem", place),
        answer=_text(fields, answer, place, empty=True),
        difficulty=_number(fields, "difficulty", place) if difficulty else None,
        tolerance=_tolerance(fields, place),
        place=place,
    )


def _text(fields: dict[str, Any], name: str, place: str, *, empty: bool = False) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise DataError(f"{place}: field {name!r} is {_said(fields, name)}; it must be a string")
    if not (empty or value.strip()):
        raise DataError(f"{place}: field {name!r} is empty; fill it or remove the row")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise DataError(f"{place}: field {name!r} holds half a surrogate pair; save the file as UTF-8") from None
    return value


def _said(fields: dict[str, Any], name: str) -> str:
    return repr(fields[name])[:40] if name in fields else "missing"


def _number(fields: dict[str, Any], name: str, place: str) -> float:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(found := _float(value)):
        raise DataError(f"{place}: field {name!r} is {_said(fields, name)}; it must be a number")
    return found


def _tolerance(fields: dict[str, Any], place: str) -> float | None:
    if fields.get("tolerance") is None:
        return None
    value = _float(fields["tolerance"])  # OlympiadBench writes it as a string
    if isinstance(fields["tolerance"], bool) or not (math.isfinite(value) and value >= 0):
        raise DataError(f"{place}: field 'tolerance' is {_said(fields, 'tolerance')}; it must be a number of 0 or more")
    return value


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
