"""What Ray must find in the environment before it is imported."""

from __future__ import annotations

import os
from typing import Final

_LOCAL: Final = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # listen on 127.0.0.1 alone, on any system
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # what newer versions do; else each worker warns of it
    "OMP_NUM_THREADS": "1",  # two runs at once beat one on two threads
}


def address() -> str | None:
    """The cluster to join, if any."""
    return os.environ.get("RAY_ADDRESS") or None


def prepare() -> None:
    """Make a Ray of our own quiet and private. Call it before Ray is imported; workers inherit it."""
    for name, value in () if address() else _LOCAL.items():
        os.environ.setdefault(name, value)
