"""Atomic writes of result files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.tracking.errors import explained

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, content: bytes) -> Path:
    """Write ``content`` to ``path`` atomically and return the path.

    Raises StoreError, which names the file, on failure. The old file then remains.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with explained(str(path)):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(content)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return path
