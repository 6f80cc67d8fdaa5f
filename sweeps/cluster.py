"""Ray's session: a quiet one on this machine, or the cluster that RAY_ADDRESS names."""

from __future__ import annotations

import logging
import os
import socket
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import ray

from sweeps.environment import address
from sweeps.errors import SweepError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT: Final = Path(__file__).resolve().parent.parent
_LEFT_AT_HOME: Final = (
    "results",
    ".venv",
    ".venv-bench",
    ".git",
    "tests",
    "docs",
    "build",
    ".mypy_cache",
    ".ruff_cache",
)
_PATIENCE: Final = 10.0  # seconds until a silent cluster counts as away
_OBJECT_STORE: Final = 256 * 2**20  # bytes; reports and records are small


@contextmanager
def session(cores: int) -> Iterator[None]:
    """Ray, started here with ``cores`` or joined at RAY_ADDRESS. Raises SweepError where the cluster is away."""
    # A thread of Ray's prints a paragraph when a worker dies. The sweep says it in a line, to its own console.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        try:
            _connect(cores)
            yield
        finally:
            ray.shutdown()


def resources() -> dict[str, float]:
    """CPUs and GPUs of the whole cluster."""
    found = ray.cluster_resources()
    return {"CPU": float(found.get("CPU", 0)), "GPU": float(found.get("GPU", 0))}


def _connect(cores: int) -> None:
    try:
        _reach(address())
        ray.init(**(_join() if address() else _start(cores)), log_to_driver=False, logging_level=logging.ERROR)
    except OSError as error:
        fact = str(error).splitlines()[0]
        raise SweepError(f"RAY_ADDRESS={address()}: no cluster answers ({fact}); unset it to run here") from None


def _reach(cluster: str | None) -> None:
    # Ray itself tries for minutes and fills the screen meanwhile.
    host, _, port = (cluster or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()


def _start(cores: int) -> dict[str, Any]:
    return {"address": "local", "num_cpus": cores, "include_dashboard": False, "object_store_memory": _OBJECT_STORE}


def _join() -> dict[str, Any]:
    environment = {
        "working_dir": str(_ROOT),
        "excludes": [f"/{name}/" for name in _LEFT_AT_HOME],
        "env_vars": {"OMP_NUM_THREADS": "1"},
    }
    return {"address": address(), "runtime_env": environment}
