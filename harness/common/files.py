"""Write files atomically, and lock them for one process."""

import errno
import fcntl
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO


def atomic_write(path: Path, content: bytes) -> Path:
    """Write ``content`` to ``path`` atomically and flush it to disk; return the path.

    Raises OSError where that fails. An existing file is then unchanged.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        draft.write_bytes(content)
        flush_to_disk(draft)
        draft.replace(path)
        flush_to_disk(path.parent)
    finally:
        draft.unlink(missing_ok=True)
    return path


def atomic_write_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` write files into a draft, then put the draft in place of ``target``.

    A failure leaves no partial folder.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        fill(draft)
        for path in (*draft.rglob("*"), draft):
            flush_to_disk(path)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
        flush_to_disk(target.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def flush_to_disk(path: Path) -> None:
    """Flush a file or a folder's entries to disk; a full disk may raise OSError only here."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # EINVAL: the file system does not support fsync here
            raise
    finally:
        os.close(handle)


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
