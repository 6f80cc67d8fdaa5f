"""The git clone that the code runs from, or the version of the installed package."""

from __future__ import annotations

import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = "liteppo-ablations"


def commit() -> str:
    """Return the commit of the clone, ``v0.1.0`` of an installed package, or ``unknown``."""
    return git("rev-parse", "HEAD") or installed() or "unknown"


def git(*words: str) -> str | None:
    """Return what git says in the clone; None where the code lies in no clone of its own.

    An installed package often lies in a virtual environment below somebody's own repository, whose commit says nothing
    about it. So the code must be at the top of the working tree.
    """
    if not (ROOT / ".git").exists():  # a folder, or a file in a worktree
        return None
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def installed() -> str | None:
    """Return the version of the package that this code is a part of; None where it is not an installed one."""
    try:
        found = distribution(PACKAGE)
    except PackageNotFoundError:
        return None
    here = Path(str(found.locate_file(""))).resolve() == ROOT  # of an editable install it is another folder
    return f"v{found.version}" if here else None


def typed(make: str, installed: str) -> str:
    """Return what a message tells a person to type: ``make`` in a clone, which has a Makefile, else ``installed``."""
    return make if (ROOT / "Makefile").is_file() else installed


def setup_extra(extra: str) -> str:
    """Return how the optional packages of an extra are installed, such as ``make setup EXTRA=gpu``."""
    return typed(f"make setup EXTRA={extra}", f"install requirements/{extra}.lock of the repository with pip --no-deps")
