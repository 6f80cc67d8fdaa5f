"""Write files atomically: a crash or power failure never leaves a partial file."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
