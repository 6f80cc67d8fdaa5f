"""Apply an algorithm to many batches in one process: one batch a line in, one result a line out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tricks.api import TrickError
from tricks.io.apply import Applier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tricks.io.apply import ApplyOptions


def holds_lines(text: bytes) -> bool:
    """Return True if a text has one JSON object a line, two or more; the first line decides."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        return False
    try:
        return isinstance(json.loads(lines[0]), dict)
    except ValueError:
        return False


def apply_each_line(options: ApplyOptions, text: bytes) -> Iterator[tuple[str, list[str]]]:
    """Yield the result of each batch as one line of JSON, and messages on it.

    A line that holds no valid batch has the result ``{"line": N, "error": MESSAGE}``, and its message starts with
    ``line N:``. Hints start with ``hint:`` and are given once.
    """
    applier, said = Applier(options), set[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found, hints = applier.results(line)
        except TrickError as error:
            yield json.dumps({"line": number, "error": str(error)}), [f"line {number}: {error}"]
            continue
        fresh = [hint for hint in hints if hint not in said]
        said.update(fresh)
        yield json.dumps(found, allow_nan=False), [f"hint: line {number}: {hint}" for hint in fresh]
