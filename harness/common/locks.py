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
    """The file is locked by another process; the message names it and the time."""


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock on a file during the block; the file itself is kept.

    Raises BusyError where another process holds the lock, and OSError where the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:  # "a+" creates the file and keeps what the holder wrote
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(_holder(file)) from None
        file.truncate(0)
        since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        json.dump({"pid": os.getpid(), "host": platform.node(), "since": since}, file)
        file.flush()
        yield


@contextmanager
def wait_for_lock(path: Path) -> Iterator[None]:
    """Lock the file during the block, once no other process holds it. Raises OSError where it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _holder(file: TextIO) -> str:
    file.seek(0)
    try:
        who = json.loads(file.read())
    except ValueError:  # the holder has locked the file but not yet written its line
        return "by another process"
    return f"by process {who['pid']} on {who['host']} since {who['since']}"
