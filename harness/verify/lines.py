"""Judge JSON lines: read them strictly, verify the responses, write the verdicts."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from harness.common import LONGEST_NAME, SchemaError, build_unique_object, quote_name, refuse_constant, suggest
from harness.verify.model import Gold
from harness.verify.process_pool import Verifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.verify.model import OpenBox


_FIRST: Final = 5  # number of lines that a message lists
_MOST_KINDS: Final = 20  # maximum number of messages, so that no input fills the screen
_NUMBER: Final = re.compile(r"\d+")


@dataclass(slots=True)
class _Kind:
    """One kind of fault: its first message, its count, and its first line numbers."""

    message: str
    count: int = 0
    first: list[int] = field(default_factory=list)


class Faults:
    """The lines that could not be read. Messages that differ only in numbers are one kind."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}
        self._others = _Kind("other faults")
        self.count = 0

    def add(self, line: int, message: str) -> None:
        """Count a fault of a line, given by its number."""
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
        """Yield one message per kind of fault, in the order of their first lines."""
        for kind in (*self._kinds.values(), self._others):
            if kind.count:
                yield f"{_lines(kind)}: {kind.message}"


def _lines(kind: _Kind) -> str:
    """Format line numbers: ``line 3`` or ``lines 3, 5``.

    Many are shortened: ``lines 1, 2, 3, 4, 5 and 1,995 more, 2,000 in all``.
    """
    numbers = ", ".join(map(str, kind.first))
    if kind.count == 1:
        return f"line {numbers}"
    if kind.count <= _FIRST:
        return f"lines {numbers}"
    return f"lines {numbers} and {kind.count - len(kind.first):,} more, {kind.count:,} in all"


_NEEDED: Final = ("id", "gold", "response")
_KNOWN: Final = (*_NEEDED, "tolerance")
RESULTS: Final = ("reward", "reason")  # fields of a result; no column of a request may have these names
_FORM: Final = 'write {"id": ..., "gold": "...", "response": "..."}, and "tolerance": 0.1 if the benchmark has one'
_MOST_DIGITS: Final = 4_300  # Python's default limit for integers


@dataclass(frozen=True, slots=True)
class GradeRequest:
    """One response to judge. ``name`` is any JSON value.

    ``name`` and ``columns`` are returned unchanged with the result.
    """

    name: Any
    gold: Gold
    response: str
    columns: Mapping[str, Any] = field(default_factory=dict)  # further fields of the line


def parse_request(line: bytes, *, strict: bool = False) -> GradeRequest:
    """Read the request on a line.

    Args:
        line: One JSON object in UTF-8, with or without the end of the line.
        strict: True if an unknown field is an error; otherwise it is one of the ``columns``.

    Returns:
        The request. Its columns can be written as JSON again.

    Raises:
        SchemaError: The line cannot be read; the message names the field and the way out.

    """
    fields = _fields(line)
    missing = [name for name in _NEEDED if name not in fields]
    if missing:
        raise SchemaError(f"field {missing[0]!r} is missing: {_FORM}")
    columns = {name: value for name, value in fields.items() if name not in _KNOWN}
    _refuse_columns(columns, strict=strict)
    for name in ("gold", "response"):
        if not isinstance(fields[name], str):
            raise SchemaError(f'field {name!r} is not a string: put it in quotes, {name!r}: "..."')
    gold = Gold(fields["gold"], _tolerance(fields.get("tolerance")))
    _refuse_unwritable({"id": fields["id"], **columns})
    return GradeRequest(fields["id"], gold, fields["response"], columns)


def _fields(line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(
            line.decode("utf-8-sig"),
            object_pairs_hook=build_unique_object,
            parse_constant=refuse_constant,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        raise SchemaError(f"not UTF-8 at byte {error.start + 1}: save the file as UTF-8") from None
    except RecursionError:
        raise SchemaError("not JSON that can be read (nested too deeply): write the field as a string") from None
    except ValueError as error:
        raise SchemaError(f"not JSON ({error}): {_FORM}") from None
    if not isinstance(fields, dict):
        raise SchemaError(f"not a JSON object: {_FORM}")
    return fields


def _integer(text: str) -> int | float:
    """Return an integer, or infinity for one that exceeds Python's limit.

    The field with infinity is then refused by name.
    """
    return int(text) if len(text) <= _MOST_DIGITS else float(text)


def _refuse_columns(columns: Mapping[str, Any], *, strict: bool) -> None:
    taken = next((name for name in RESULTS if name in columns), None)
    if taken is not None:
        raise SchemaError(f"field {taken!r} is the name of a result: rename the column, for example to 'my_{taken}'")
    if strict and columns:
        name = next(iter(columns))
        raise SchemaError(
            f"field {quote_name(name)} is unknown; {suggest(name[:LONGEST_NAME], _KNOWN)}; leave it out, or leave "
            "out --strict to copy it to the result"
        )


def _refuse_unwritable(carried: Mapping[str, Any]) -> None:
    """Raise SchemaError for a field that JSON cannot represent, such as 1e999."""
    for name, value in carried.items():
        try:
            json.dumps(value, allow_nan=False)
        except RecursionError:
            raise SchemaError(
                f"field {quote_name(name)} is nested too deeply: leave it out, or write it as a string"
            ) from None
        except ValueError:
            raise SchemaError(f"field {quote_name(name)} holds a number that is too large: put it in quotes") from None


def _tolerance(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise SchemaError("field 'tolerance' is not a number of 0 or more: leave it out if the benchmark has none")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if math.isinf(found):
        raise SchemaError("field 'tolerance' is too large, above 1.7e308: give the benchmark's absolute tolerance")
    return found


_TOGETHER: Final = 256  # maximum number of lines judged before their results are written
_BYTES: Final = 1 << 25  # maximum bytes of these lines, which limits memory for long responses


def judge_lines(file: Path | None, *, strict: bool, open_box: OpenBox) -> int:
    """Judge every line and print the results.

    Args:
        file: A file of JSON lines; None means standard input.
        strict: True if a line with an unknown column is refused.
        open_box: How to judge a response whose last box is not closed.

    Returns:
        The exit code: 2 where a line or the file cannot be read, 1 where a stream fails, 130 on Ctrl-C, else 0.

    """
    try:
        return _judge_file(file, strict=strict, open_box=open_box)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            print(f"results cannot be written, or lines not read: {error.strerror or error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # discard what is left in the buffer
        return 1
    except KeyboardInterrupt:
        return 130


def _judge_file(file: Path | None, *, strict: bool, open_box: OpenBox) -> int:
    if sys.stdout is None or (sys.stdin is None and file is None):
        print("standard input or output is closed: give both, or name a file to read", file=sys.stderr)
        return 2
    try:
        lines = sys.stdin.buffer if file is None else file.open("rb")
    except OSError as error:
        print(f"{file}: {(error.strerror or str(error)).lower()}: name a file of JSON lines", file=sys.stderr)
        return 2
    with nullcontext(lines) if file is None else lines:
        return _judge(lines, strict=strict, open_box=open_box)


def _judge(lines: BinaryIO, *, strict: bool, open_box: OpenBox) -> int:
    faults = Faults()
    try:
        with Verifier(processes=min(2, os.cpu_count() or 1)) as verifier:
            for chunk in _chunks(lines):
                requests = list(_requests(chunk, faults, strict=strict))
                pairs = [(request.gold, request.response) for request in requests]
                verdicts = verifier.verify(pairs, open_box=open_box)
                for request, verdict in zip(requests, verdicts, strict=True):
                    result = {"id": request.name, "reward": int(verdict.right), "reason": verdict.reason}
                    print(json.dumps(result | dict(request.columns)))
                sys.stdout.flush()
    finally:  # faults are printed also after Ctrl-C or a closed output
        for message in faults.messages():
            print(message, file=sys.stderr)
    return 2 if faults.count else 0


def _chunks(lines: BinaryIO) -> Iterator[list[tuple[int, bytes]]]:
    """Yield the lines that are not blank, with their numbers, in chunks of limited size."""
    chunk: list[tuple[int, bytes]] = []
    size = 0
    for number, line in enumerate(lines, start=1):
        if line.strip():
            chunk.append((number, line))
        size += len(line)
        if len(chunk) == _TOGETHER or size > _BYTES:
            yield chunk
            chunk, size = [], 0
    yield chunk


def _requests(chunk: list[tuple[int, bytes]], faults: Faults, *, strict: bool) -> Iterator[GradeRequest]:
    for number, line in chunk:
        try:
            yield parse_request(line, strict=strict)
        except SchemaError as error:
            faults.add(number, str(error))
