"""Atomic writes of result files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.common.files import atomic_write
from harness.tracking.errors import explain_errors

if TYPE_CHECKING:
    from pathlib import Path


def write_result(path: Path, content: bytes) -> Path:
    """Write ``content`` to ``path`` atomically and return the path.

    Raises StoreError, which names the file, on failure. The old file then remains.
    """
    with explain_errors(str(path)):
        return atomic_write(path, content)
