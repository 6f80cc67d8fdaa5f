"""``python -m harness.verify``: JSON lines of responses in, JSON lines of rewards out, in the same order."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, get_args

from harness.schema import SchemaError
from harness.verify.boxes import OpenBox
from harness.verify.faults import Faults
from harness.verify.request import Request, parse_request
from harness.verify.verifier import Verifier

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOGETHER: Final = 256  # lines judged before their results are written,
_BYTES: Final = 1 << 25  # or so many bytes of them: this bounds what is held of long responses
_EPILOG: Final = """\
Each line: {"id": ..., "gold": "...", "response": "..."}, and "tolerance": 0.1 where the
benchmark states one. Results: {"id": ..., "reward": 1, "reason": "equal"}; docs/verifier.md
lists the reasons. Other columns come back behind these three; none may be called reward or
reason. A line that cannot be read has no result; all others have theirs, each kind of fault
is said once on standard error at the end, and the exit code is 2.
"""


def main(arguments: list[str]) -> int:
    """Judge every line. Returns the exit code: 2 where a line or the file could not be read."""
    options = _options(arguments)
    if sys.stdout is None or (sys.stdin is None and options.file is None):
        print("standard input or output is closed: give both, or name a file to read", file=sys.stderr)
        return 2
    try:
        lines = sys.stdin.buffer if options.file is None else options.file.open("rb")
    except OSError as error:
        print(f"{options.file}: {(error.strerror or str(error)).lower()}: name a file of JSON lines", file=sys.stderr)
        return 2
    with nullcontext(lines) if options.file is None else lines:
        return _judge(lines, strict=options.strict, open_box=options.open_box)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m harness.verify",
        description="Reward responses: 1 where the last box equals the gold, else 0, and why.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, nargs="?", help="JSON lines; standard input where left out")
    parser.add_argument("--strict", action="store_true", help="refuse a line with a column that is not known")
    parser.add_argument(
        "--open-box",
        choices=get_args(OpenBox),
        default="wrong",
        help="what a response is whose last box is never closed: wrong, or judged by its last complete box",
    )
    return parser.parse_args(arguments)


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


def run() -> int:
    """As ``main`` with the arguments of the process; quiet where the reader of the results has left."""
    try:
        return main(sys.argv[1:])
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            print(f"results cannot be written, or lines not read: {error.strerror or error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer goes nowhere
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())
