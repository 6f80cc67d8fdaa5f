"""Environment variables of a sweep, and the error that stops it.

The module is separate from the events, which import plans and so torch.
"""

import os
from pathlib import Path
from typing import Final


class SweepError(RuntimeError):
    """A sweep cannot start or continue; one line says why and gives the way out."""


_LOCAL: Final = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # listen only on 127.0.0.1, on any system
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # the default of newer versions; otherwise each worker prints a warning
    "OMP_NUM_THREADS": "1",  # two parallel runs are faster than one with two threads
}
# Ray's own clusters ask for a token; a driver that connects by host and port must be told to send it.
_TOKEN: Final = {"RAY_AUTH_MODE": "token"}


def read_cluster_address() -> str | None:
    """Return the address of the cluster to join, or None."""
    return os.environ.get("RAY_ADDRESS") or None


def prepare_ray_environment() -> None:
    """Set Ray's environment variables before Ray is imported.

    A local Ray becomes quiet and private; a cluster gets the user's token.
    """
    for name, value in _LOCAL.items() if not read_cluster_address() else _TOKEN.items() if _has_token() else ():
        os.environ.setdefault(name, value)


def is_inline() -> bool:
    """Return True if everything runs in this process. Raises SweepError for an invalid LAUNCH."""
    how = os.environ.get("LAUNCH") or "ray"
    if how not in {"inline", "ray"}:
        raise SweepError(f"LAUNCH={how}: write LAUNCH=inline, or leave it out for Ray")
    return how == "inline"


def count_cores() -> int:
    """Return the number of processors that this process may use.

    A container may have fewer than the machine.
    """
    available = getattr(os, "sched_getaffinity", None)
    return len(available(0)) if available else os.cpu_count() or 1


def _has_token() -> bool:
    given = {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys()
    return bool(given) or (Path.home() / ".ray" / "auth_token").exists()
