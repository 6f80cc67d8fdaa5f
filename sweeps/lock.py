"""One sweep of a study at a time. The kernel gives the lock back when its process dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
import platform
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from sweeps.errors import SweepError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO


@contextmanager
def study_lock(results: Path, study: str) -> Iterator[None]:
    """Hold ``results/<study>.lock``. Raises SweepError naming the process that holds it, or why it cannot be made."""
    path = results / f"{study}.lock"
    with _opened(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SweepError(f"{study} is being swept already, {_holder(file)}; wait for it or stop it") from None
        file.truncate(0)
        since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        json.dump({"pid": os.getpid(), "host": platform.node(), "since": since}, file)
        file.flush()
        yield


def _opened(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")  # neither truncates what the holder wrote nor needs the file
    except OSError as error:
        raise SweepError(
            f"{path} cannot be written: {error.strerror}; make the folder writable or name another with results=DIR"
        ) from None
    return file


def _holder(file: TextIO) -> str:
    file.seek(0)
    try:
        who = json.loads(file.read())
    except ValueError:  # between its lock and its line
        return "by another process"
    return f"by process {who['pid']} on {who['host']} since {who['since']}"
