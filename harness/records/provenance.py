"""Provenance of a number: the code, the packages and the machine."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.common import find_commit, run_git
from tricks import list_packages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.config import BackendConfig

CLONE_KEYS: Final = frozenset({"commit", "dirty"})  # nodes of a cluster have no clone
MACHINE_KEYS: Final = frozenset({"processor", "cores"})
ENGINE_KEYS: Final = frozenset({"vllm", "deepspeed"})  # recorded for a run whose backend uses them
_PACKAGES: Final = ("torch", "transformers", "ray", "hydra-core", "mlflow", "numpy")


def collect_provenance(backend: BackendConfig | None = None) -> Mapping[str, str]:
    """Return commit, dirty flag, package versions and processor as text.

    Call it on the machine with the clone. With the ``backend`` of a run, the result includes the versions of its
    engines.
    """
    return {**_common(), **(find_engine_versions(backend) if backend else {})}


def find_engine_versions(backend: BackendConfig) -> dict[str, str]:
    """Return the versions of the backend's engines that are installed on this machine."""
    chosen = [name for name in sorted(ENGINE_KEYS) if getattr(backend, name)]
    return {name: _engines()[name] for name in chosen if name in _engines()}


@cache
def _engines() -> Mapping[str, str]:
    """Return the versions of installed engines under any distribution name.

    vLLM for CPUs is another distribution.
    """
    builds = packages_distributions()
    return {name: version(min(builds[name])) for name in ENGINE_KEYS & builds.keys()}


@cache
def _common() -> Mapping[str, str]:
    return {
        "commit": find_commit(),
        "dirty": _dirty(),
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
        **{f"trick {name}": package for name, package in list_packages().items()},
        "processor": _processor(),
        "cores": str(os.cpu_count()),
    }


def _dirty() -> str:
    # A sweep writes results while it runs; only changes of the code count.
    changes = run_git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!results")
    return "unknown" if changes is None else "yes" if changes else "no"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
