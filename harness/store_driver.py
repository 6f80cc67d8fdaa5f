"""Which process drives a run, so that a run of a live one is never taken for left behind."""

from __future__ import annotations

import os
import platform

import psutil


def driver() -> str:
    """Name the process that asks: host, process id, second in which it was born (ids are used again)."""
    return _name(psutil.Process(os.getpid()))


def other(name: str) -> bool:
    """Whether ``name`` is another process that lives. Of other hosts nothing is known, so theirs do not count."""
    host, _, rest = name.partition(" ")
    process = rest.partition(" ")[0]
    if host != platform.node() or not process.isdigit() or name == driver():
        return False
    try:
        return _name(psutil.Process(int(process))) == name
    except psutil.Error:
        return False


def elsewhere(name: str) -> bool:
    """Whether it is a process of another host."""
    return name.partition(" ")[0] not in ("", platform.node())


def _name(process: psutil.Process) -> str:
    return f"{platform.node()} {process.pid} {process.create_time():.0f}"
