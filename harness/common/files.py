"""Write files atomically: whole or not at all, also when the power fails."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, content: bytes) -> Path:
    """Put ``content`` at ``path``, on the disk when this returns; an OSError leaves what was there."""
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
    """Have the disk hold a file or a folder's names; a full disk may show only here."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # else the file system knows no such thing
            raise
    finally:
        os.close(handle)
