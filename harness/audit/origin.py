"""Which code an audit judged, and with which packages."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT: Final = Path(__file__).resolve().parents[2]
_JUDGED: Final = "harness/verify"
_PACKAGES: Final = ("math-verify", "latex2sympy2-extended", "sympy")


def commit() -> str:
    """The commit of this clone, or ``unknown``."""
    return _git("rev-parse", "HEAD") or "unknown"


def dirty() -> str:
    """Whether the verifier's code is other than the commit's: ``yes``, ``no`` or ``unknown``."""
    changes = _git("status", "--porcelain", "--", _JUDGED)
    return "unknown" if changes is None else "yes" if changes else "no"


def versions() -> Mapping[str, str]:
    """The packages that decide verdicts."""
    return {package: version(package) for package in _PACKAGES}


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=_ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
