"""A file that tells the driver's folder from another machine's of the same path."""

from __future__ import annotations

from contextlib import contextmanager
from secrets import token_hex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def marker(folder: Path) -> Iterator[str]:
    """The name of a file that lies in the folder meanwhile. Nobody looks for one that a killed driver has left."""
    file = folder / f".driver-{token_hex(8)}"
    file.touch(exist_ok=False)
    try:
        yield file.name
    finally:
        file.unlink(missing_ok=True)
