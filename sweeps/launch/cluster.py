"""Ray's session: a private one on this machine, or the cluster that RAY_ADDRESS names."""

import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, Final

import ray
from ray._raylet import get_authentication_mode  # type: ignore[attr-defined]
from ray.exceptions import AuthenticationError, GetTimeoutError

from sweeps.launch.environment import SweepError, read_cluster_address

_ROOT: Final = Path(__file__).resolve().parents[2]
_SENT: Final = ("tricks", "harness", "sweeps")  # the packages that workers import; nothing else is sent
_FOLDERS: Final = ("RESULTS_DIR", "DATA_DIR", "HF_HOME", "HF_HUB_CACHE")
_WORDS: Final = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_JOB: Final = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # Ray's description of the job whose entrypoint is this driver
_PATIENCE: Final = 10.0  # seconds until a cluster without an answer counts as away
_STARTING: Final = 300.0  # seconds to wait for the first process on the cluster
_CLIENT: Final = "ray://"
_GET: Final = "copy ~/.ray/auth_token from its head node"
_OBJECT_STORE: Final = 256 * 2**20  # bytes; reports and records are small


@contextmanager
def open_session(cores: int) -> Iterator[None]:
    """Start Ray here with ``cores``, or join the cluster at RAY_ADDRESS.

    Raises SweepError where the cluster does not answer.
    """
    # A thread of Ray prints a paragraph when a worker dies. The sweep prints one line to its own console instead.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        try:
            _connect(cores)
            if read_cluster_address():
                _agree()
            yield
        finally:
            ray.shutdown()


def _connect(cores: int) -> None:
    try:
        _reach(read_cluster_address())
        ray.init(
            **(_join() if read_cluster_address() else _start(cores)), log_to_driver=False, logging_level=logging.ERROR
        )
    except AuthenticationError:
        raise SweepError(
            f"RAY_ADDRESS={read_cluster_address()}: the cluster rejects this user's token; {_GET}"
        ) from None
    except ValueError as error:  # the runtime environment conflicts with the job's, or the code is too large
        raise SweepError(f"RAY_ADDRESS={read_cluster_address()}: {str(error).splitlines()[0]}") from None
    except OSError as error:
        fact = str(error).splitlines()[0]
        raise SweepError(
            f"RAY_ADDRESS={read_cluster_address()}: no cluster answers ({fact}); unset it to run here, or, if the "
            "cluster asks for "
            f"a token, {_GET}"
        ) from None


def _reach(cluster: str | None) -> None:
    if (cluster or "").startswith(_CLIENT):
        raise SweepError(
            f"RAY_ADDRESS={cluster}: Ray's client cannot stream; run this on a node of the cluster, with host:port, or "
            "submit it as a job"
        )
    # Ray itself would retry for minutes and fill the screen.
    host, _, port = (cluster or "").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()


def _agree() -> None:
    """Raise SweepError where workers could not report to the driver.

    A driver with a token does not hear workers without one.
    """
    try:
        theirs = ray.get(ray.remote(num_cpus=0)(_mode).remote(), timeout=_STARTING)
    except GetTimeoutError:
        raise SweepError(
            f"RAY_ADDRESS={read_cluster_address()}: no process started there within {_STARTING:g} s; see `ray status`"
        ) from None
    if theirs != _mode():
        raise SweepError(
            f"RAY_ADDRESS={read_cluster_address()}: the cluster asks for no token; set RAY_AUTH_MODE=disabled"
        )


def _mode() -> str:
    return str(get_authentication_mode())


def _start(cores: int) -> dict[str, Any]:
    return {"address": "local", "num_cpus": cores, "include_dashboard": False, "object_store_memory": _OBJECT_STORE}


def _join() -> dict[str, Any]:
    said = {"env_vars": {"OMP_NUM_THREADS": "1", **_places()}}
    return {"address": read_cluster_address(), "runtime_env": said if _submitted_with_code() else {**_code(), **said}}


def _places() -> dict[str, str]:
    """Return where data and models are, for workers, which run in another folder.

    No credentials are included.
    """
    folders = {name: str(Path(os.environ[name]).absolute()) for name in _FOLDERS if os.environ.get(name)}
    words = {name: os.environ[name] for name in _WORDS if os.environ.get(name)}
    return {"RESULTS_DIR": str(Path("results").absolute()), **folders, **words}


def _code() -> dict[str, Any]:
    left = sorted(path.name for path in _ROOT.iterdir() if path.name not in _SENT)
    return {"working_dir": str(_ROOT), "excludes": [f"/{name}" for name in left]}


def _submitted_with_code() -> bool:
    """Return True if `ray job submit --working-dir` has sent the code; Ray refuses it twice."""
    job = json.loads(os.environ.get(_JOB) or "{}")
    return "working_dir" in (job.get("runtime_env") or {})
