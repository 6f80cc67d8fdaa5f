"""Write files atomically: a crash or power failure never leaves a partial file."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, content: bytes) -> Path:
    """Write ``content`` to ``path`` atomically and flush it to disk; return the path.

    Raises OSError where that fails. An existing file is then unchanged.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        draft.write_bytes(content)
        flush(draft)
        draft.replace(path)
        flush(path.parent)
    finally:
        draft.unlink(missing_ok=True)
    return path


def flush(path: Path) -> None:
    """Flush a file or a folder's entries to disk; a full disk may raise OSError only here."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # EINVAL: the file system does not support fsync here
            raise
    finally:
        os.close(handle)
