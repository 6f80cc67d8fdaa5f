"""How the process holds on to freed memory."""

from __future__ import annotations

import ctypes
from typing import Final

# Parameters of mallopt(3), as malloc.h numbers them.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_A_GIGABYTE: Final = 1 << 30


def keep_freed_memory() -> bool:
    """Let the C library reuse big blocks instead of handing them back; whether it can.

    A step frees and asks for hundreds of blocks of a few megabytes. By default glibc returns each to the
    system and faults its pages in again, 26,000 a step on the small model.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    return mallopt is not None and all(mallopt(name, _A_GIGABYTE) for name in (_MMAP_THRESHOLD, _TRIM_THRESHOLD))
