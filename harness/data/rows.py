"""Rows of JSON Lines files, of the project and of a user, each checked when it is read.

All rows of a user's file are checked before an error is raised. Faults of one kind are one line, which gives the first
place, the number of others, and the way out.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.common import build_unique_object, refuse_constant
from harness.data.catalog import DataError, Problem


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


FIELDS: Final = ("id", "problem", "answer", "level", "tolerance")

_LISTED: Final = 4  # number of further lines that a message names for one kind of fault
_INSTEAD: Final = {  # other common names of the two columns
    "problem": ("question", "prompt", "input", "query", "instruction", "text"),
    "answer": ("gold", "final_answer", "ground_truth", "solution", "target", "output", "label", "expected_answer"),
}
_FORM: Final = 'each line is an object, such as {"problem": "What is 1+2?", "answer": "3"}'
_MAGIC: Final = {
    b"\x1f\x8b": "it is compressed by gzip; unpack it",
    b"PK\x03\x04": "it is a zip archive; unpack it",
    b"PAR1": "it is Parquet; write it as JSON Lines",
    b"BZh": "it is compressed by bzip2; unpack it",
    b"\xfd7zXZ": "it is compressed by xz; unpack it",
    b"\x28\xb5\x2f\xfd": "it is compressed by zstd; unpack it",
    b"\xff\xfe": "it is UTF-16; save it as UTF-8",
    b"\xfe\xff": "it is UTF-16; save it as UTF-8",
}
_EXPONENT: Final = re.compile(r"([-+]?[\d.]+)[eE]\+?(-?)0*(\d+)")


class _Written(str):
    """A number in the form in which the document wrote it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class OwnRows:
    """The content of a user's file."""

    rows: tuple[DataRow, ...]
    levels: Mapping[str, int]  # level -> rows
    unread: tuple[str, ...]  # columns that are not used


class _FaultError(ValueError):
    """A fault of one row. The text is the same for all rows with this kind of fault.

    ``found`` is what this row holds instead.
    """

    def __init__(self, what: str, way_out: str, found: str = "") -> None:
        super().__init__(what)
        self.what, self.way_out, self.found = what, way_out, found


def read_own_rows(path: Path, content: bytes) -> OwnRows:
    """Read the rows of a file; rows without an id get their line number.

    Raises DataError, which names all faults.
    """
    _refuse_other_formats(path, content)
    lines = _own_rows_lines(content)
    if not lines:
        raise DataError(f"{path}: the file has no rows; {_FORM}")
    rows, faults = list[DataRow](), list[tuple[int, _FaultError]]()
    levels, columns, places = Counter[str](), dict[str, None](), dict[str, int]()
    for number, line in lines:
        try:
            fields = _own_rows_object(line, is_cut=number == lines[-1][0] and not content.endswith(b"\n"))
            row, level = _own_rows_row(fields, number, f"{path}:{number}")
            if row.row_id in places:
                first = f"line {places[row.row_id]}"
                raise _FaultError(
                    "field 'id' is already used by another row", "give every row its own id, or none", first
                )
        except _FaultError as fault:
            faults.append((number, fault))
            continue
        places[row.row_id] = number
        rows.append(row)
        columns.update(dict.fromkeys(fields))
        levels.update([level] if level else [])
    if faults:
        raise DataError(_message(path, faults, len(lines)))
    return OwnRows(tuple(rows), dict(sorted(levels.items())), tuple(name for name in columns if name not in FIELDS))


def format_further_lines(lines: Sequence[str]) -> str:
    """Return text on further faulty lines: ``and in 7 more: lines 2, 3, 5, 8, ...``.

    It is empty where there are none.
    """
    if not lines:
        return ""
    dots = ", ..." if len(lines) > _LISTED else ""
    return f"and in {len(lines)} more: line{'s' * (len(lines) > 1)} {', '.join(lines[:_LISTED])}{dots}"


def _refuse_other_formats(path: Path, content: bytes) -> None:
    for magic, why in _MAGIC.items():
        if content.startswith(magic):
            raise DataError(f"{path}: not JSON Lines: {why}")
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        raise DataError(
            f"{path}: not JSON Lines: it begins with a list; write one object per line, without [ and ]: {_FORM}"
        )


def _own_rows_lines(content: bytes) -> list[tuple[int, bytes]]:
    """Return number and content of each line that is not blank.

    Only LF ends a line, because statements may contain U+2028.
    """
    split = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return [(number, line) for number, line in enumerate(split, start=1) if line.strip()]


def _own_rows_object(line: bytes, *, is_cut: bool) -> dict[str, Any]:
    try:
        found = json.loads(
            line.decode("utf-8"),
            object_pairs_hook=build_unique_object,
            parse_int=_Written,
            parse_float=_Written,
            parse_constant=refuse_constant,
        )
    except UnicodeDecodeError as error:
        raise _FaultError("the line is not UTF-8", "save the file as UTF-8", f"byte {error.start + 1}") from None
    except (ValueError, RecursionError) as error:
        way_out = "the file may be truncated; copy it again" if is_cut else _FORM
        raise _FaultError("the line is not JSON", way_out, str(error)) from None
    if not isinstance(found, dict):
        raise _FaultError("the line is not a JSON object", _FORM, _kind(found))
    return found


def _own_rows_row(fields: Mapping[str, Any], number: int, place: str) -> tuple[DataRow, str]:
    """Return the row and its level, which is empty if there is none."""
    problem = _own_rows_text(fields, "problem")
    if not problem.strip():
        raise _FaultError("field 'problem' is empty", "write the problem, or remove the row")
    name, allowed = _name(fields, "id"), _own_rows_tolerance(fields.get("tolerance"))
    return DataRow(name or f"line {number}", problem, _answer(fields), tolerance=allowed, place=place), _name(
        fields, "level"
    )


def _own_rows_text(fields: Mapping[str, Any], name: str) -> str:
    if name not in fields:
        raise _missing(fields, name)
    value = fields[name]
    if not isinstance(value, str):
        raise _FaultError(f"field {name!r} is {_kind(value)}", "write it as text", _excerpt(value))
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _FaultError(f"field {name!r} holds half a surrogate pair", "save the file as UTF-8") from None
    if isinstance(value, _Written) and name == "problem":
        raise _FaultError(f"field {name!r} is a number", "write it as text", str(value))
    return str(value)


def _answer(fields: Mapping[str, Any]) -> str:
    r"""Return the answer as text; a number stays as it is written.

    Only ``1e5`` becomes ``1 \times 10^{5}``, which the verifier can read.
    """
    text = _own_rows_text(fields, "answer")
    power = _EXPONENT.fullmatch(text) if isinstance(fields["answer"], _Written) else None
    return text.strip() if power is None else rf"{power[1]} \times 10^{{{power[2]}{power[3]}}}"


def _name(fields: Mapping[str, Any], name: str) -> str:
    """Return an id or a level, given as text or a number; empty if there is none."""
    if fields.get(name) is None:
        return ""
    found = _own_rows_text(fields, name).strip()
    if not found:
        raise _FaultError(f"field {name!r} is empty", "fill it, or leave it out")
    return found


def _own_rows_tolerance(value: Any) -> float | None:
    """Return the largest allowed absolute difference; text is accepted, as in OlympiadBench."""
    if value is None:
        return None
    try:
        found = float(value) if isinstance(value, str) else math.nan
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise _FaultError(
            "field 'tolerance' is not a number of 0 or more", "give a number, or leave it out", _excerpt(value)
        )
    return found


def _missing(fields: Mapping[str, Any], name: str) -> _FaultError:
    if {"problem_id", "prompt", "verifier"} <= fields.keys():
        way_out = "these are the rows of a tier: copy its .card.json to the folder too"
        return _FaultError(f"field {name!r} is missing", way_out)
    other = next((other for other in _INSTEAD[name] if other in fields), None)
    known = f"rename {other!r} to {name!r}" if other else f"its fields are {', '.join(map(repr, fields)) or 'none'}"
    return _FaultError(f"field {name!r} is missing", known if other else f"give every row its {name}; {known}")


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", type(None): "null", list: "a list", dict: "an object", _Written: "a number"}
    return kinds.get(type(value), "text")


def _excerpt(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:40]


def _message(path: Path, faults: Sequence[tuple[int, _FaultError]], rows: int) -> str:
    """Return the message: one line for each kind of fault."""
    kinds: dict[str, list[tuple[int, _FaultError]]] = {}
    for number, fault in faults:
        kinds.setdefault(fault.what, []).append((number, fault))
    lines = [_fault_line(path, found) for found in kinds.values()]
    head = [] if len(faults) == 1 else [f"{path}: {len(faults)} of {rows} rows cannot be used"]
    return "\n".join([*head, *lines])


def _fault_line(path: Path, found: Sequence[tuple[int, _FaultError]]) -> str:
    number, first = found[0]
    seen = f" ({first.found})" if first.found else ""
    more = format_further_lines([str(line) for line, _ in found[1:]])
    return f"{path}:{number}: {first.what}{seen}{more and f', {more}'}; {first.way_out}"
