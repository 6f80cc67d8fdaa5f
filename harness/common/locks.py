"""Lock a file for one process; the kernel releases the lock when the process dies."""

from __future__ import annotations

import fcntl
import json
import os
import platform
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO


class BusyError(Exception):
    """Another process holds the file: which, and since when."""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the file, which stays. Raises BusyError, or OSError where it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:  # neither truncates what the holder wrote nor needs the file
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(_holder(file)) from None
        file.truncate(0)
        since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        json.dump({"pid": os.getpid(), "host": platform.node(), "since": since}, file)
        file.flush()
        yield


def _holder(file: TextIO) -> str:
    file.seek(0)
    try:
        who = json.loads(file.read())
    except ValueError:  # between its lock and its line
        return "by another process"
    return f"by process {who['pid']} on {who['host']} since {who['since']}"
