"""Ray's session: a quiet one on this machine, or the cluster that RAY_ADDRESS names."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

# Ray reads these when it is imported. The first keeps a local Ray on 127.0.0.1, whatever the system is.
_LOCAL: Final = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # silences a FutureWarning about GPUs
    "RAY_DEDUP_LOGS": "0",
    "OMP_NUM_THREADS": "1",
}
ADDRESS: Final = os.environ.get("RAY_ADDRESS")
for _name, _value in _LOCAL.items() if not ADDRESS else ():
    os.environ.setdefault(_name, _value)

import ray  # noqa: E402 - after its environment

from sweeps.events import SweepError  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT: Final = Path(__file__).resolve().parent.parent
_LEFT_AT_HOME: Final = ("results", ".venv", ".git", "tests", "docs", "build", ".mypy_cache", ".ruff_cache")
_OBJECT_STORE: Final = 256 * 2**20  # bytes; reports and records are small


@contextmanager
def session(cores: int) -> Iterator[None]:
    """Ray, started here with ``cores`` or joined at RAY_ADDRESS. Raises SweepError where the cluster is away."""
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
        ray.init(**(_join() if ADDRESS else _start(cores)), log_to_driver=False, logging_level=logging.ERROR)
    except ConnectionError as error:
        fact = str(error).splitlines()[0]
        raise SweepError(f"RAY_ADDRESS={ADDRESS}: no cluster answers ({fact}); unset it to run here") from None


def _start(cores: int) -> dict[str, Any]:
    return {"address": "local", "num_cpus": cores, "include_dashboard": False, "object_store_memory": _OBJECT_STORE}


def _join() -> dict[str, Any]:
    environment = {
        "working_dir": str(_ROOT),
        "excludes": [f"/{name}/" for name in _LEFT_AT_HOME],
        "env_vars": {"OMP_NUM_THREADS": "1"},
    }
    return {"address": ADDRESS, "runtime_env": environment}
