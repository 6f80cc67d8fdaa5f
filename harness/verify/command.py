"""Reward responses from JSON lines: lines in, JSON lines of rewards out, in the same order."""

from __future__ import annotations

import json
import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, BinaryIO, Final

from harness.schema import SchemaError
from harness.verify.faults import Faults
from harness.verify.request import Request, parse_request
from harness.verify.verifier import Verifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.verify.boxes import OpenBox

_TOGETHER: Final = 256  # lines judged before their results are written,
_BYTES: Final = 1 << 25  # or so many bytes of them: this bounds what is held of long responses


def judge_lines(file: Path | None, *, strict: bool, open_box: OpenBox) -> int:
    """Judge every line and print the results.

    Args:
        file: JSON lines; standard input where None.
        strict: whether a line with an unknown column is refused.
        open_box: how a response is judged whose last box is never closed.

    Returns:
        The exit code: 2 where a line or the file could not be read, 1 where a stream failed, else 0.

    """
    try:
        return _judge_file(file, strict=strict, open_box=open_box)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            print(f"results cannot be written, or lines not read: {error.strerror or error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer goes nowhere
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
    finally:  # a reader that has left, or Ctrl-C, takes no fault away
        for message in faults.messages():
            print(message, file=sys.stderr)
    return 2 if faults.count else 0


def _chunks(lines: BinaryIO) -> Iterator[list[tuple[int, bytes]]]:
    """Yield the lines that are not blank, with their numbers, in chunks of a bounded size."""
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


def _requests(chunk: list[tuple[int, bytes]], faults: Faults, *, strict: bool) -> Iterator[Request]:
    for number, line in chunk:
        try:
            yield parse_request(line, strict=strict)
        except SchemaError as error:
            faults.add(number, str(error))
