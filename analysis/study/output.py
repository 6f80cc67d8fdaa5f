"""Write a file whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.tracking.errors import explained

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, content: bytes) -> Path:
    """Put ``content`` at ``path``. Raises StoreError, naming the file, and then leaves what was there."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with explained(str(path)):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(content)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return path
