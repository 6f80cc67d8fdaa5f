"""Where a number comes from: the code, the packages and the machine."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.common.clone import commit, git
from tricks.packages import packages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.config.engines import BackendConfig

OF_A_CLONE: Final = frozenset({"commit", "dirty"})  # a node of a cluster has none
OF_A_MACHINE: Final = frozenset({"processor", "cores"})
ENGINES: Final = frozenset({"vllm", "deepspeed"})  # of a run whose backend has them
_PACKAGES: Final = ("torch", "transformers", "ray", "hydra-core", "mlflow", "numpy")


def provenance(backend: BackendConfig | None = None) -> Mapping[str, str]:
    """Commit, dirty flag, package versions and processor, as strings. Call it where the clone is.

    With a run's ``backend`` also the versions of its engines.
    """
    return {**_common(), **(engine_versions(backend) if backend else {})}


def engine_versions(backend: BackendConfig) -> dict[str, str]:
    """Versions of the engines that the backend has, as far as they are installed here."""
    chosen = [name for name in sorted(ENGINES) if getattr(backend, name)]
    return {name: _engines()[name] for name in chosen if name in _engines()}


@cache
def _engines() -> Mapping[str, str]:
    """What is installed of them, whatever its build is called: on a CPU vLLM comes as another distribution."""
    builds = packages_distributions()
    return {name: version(min(builds[name])) for name in ENGINES & builds.keys()}


@cache
def _common() -> Mapping[str, str]:
    return {
        "commit": commit(),
        "dirty": _dirty(),
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
        **{f"trick {name}": package for name, package in packages().items()},
        "processor": _processor(),
        "cores": str(os.cpu_count()),
    }


def _dirty() -> str:
    # Results are written while a sweep runs; only the code decides whether a commit names it.
    changes = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!results")
    return "unknown" if changes is None else "yes" if changes else "no"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
