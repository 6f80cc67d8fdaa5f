"""The repository: its commit or installed version, and the folders of results.

Commands write only to the user's own folder, which git ignores. The reference, ``results/reference``, holds tables and
figures of recorded runs that the documentation cites. Only ``make reference`` writes there.
"""

import os
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

CLONE_ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = "liteppo-ablations"


def find_commit() -> str:
    """Return the commit of the clone, ``v0.1.0`` for an installed package, or ``unknown``."""
    return run_git("rev-parse", "HEAD") or find_installed_version() or "unknown"


def run_git(*words: str) -> str | None:
    """Run git in the clone and return its output; None where the code is not in its own clone.

    An installed package often lies in a virtual environment inside another repository. The commit of that repository
    says nothing about this code. The code must therefore be at the top of the working tree.
    """
    if not (CLONE_ROOT / ".git").exists():  # a folder, or a file in a worktree
        return None
    try:
        done = subprocess.run(["git", *words], cwd=CLONE_ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def find_installed_version() -> str | None:
    """Return the version of the installed package; None where this code is not installed."""
    try:
        found = distribution(PACKAGE)
    except PackageNotFoundError:
        return None
    here = Path(str(found.locate_file(""))).resolve() == CLONE_ROOT  # an editable install has another folder here
    return f"v{found.version}" if here else None


def choose_command(make: str, installed: str) -> str:
    """Return the command that a message shows: ``make`` in a clone, otherwise ``installed``.

    Only a clone has a Makefile.
    """
    return make if (CLONE_ROOT / "Makefile").is_file() else installed


def format_setup_command(extra: str) -> str:
    """Return the command that installs an extra, such as ``make setup EXTRA=gpu``."""
    return choose_command(
        f"make setup EXTRA={extra}", f"install requirements/{extra}.lock of the repository with pip --no-deps"
    )


# an installed package has none
REFERENCE_RESULTS: Final = CLONE_ROOT / "results" / "reference"


def results_folder(named: str | Path | None = None) -> Path:
    """Return the folder for results: ``named``, else RESULTS_DIR, else ``results``.

    A relative path is relative to the current folder. Raises SchemaError where the folder lies in the reference.
    """
    folder = Path(named or os.environ.get("RESULTS_DIR") or "results")
    if is_reference(folder):
        from harness.common.schema import SchemaError  # noqa: PLC0415 - find_commit runs without pydantic

        raise SchemaError(
            f"{folder} holds the reference results, which are read-only; name another folder with results=DIR or "
            "RESULTS_DIR"
        )
    return folder


def is_reference(path: Path) -> bool:
    """Return whether a file or folder lies in the reference."""
    return path.resolve().is_relative_to(REFERENCE_RESULTS)


def find_own_or_reference(results: Path, name: str) -> Path:
    """Return the user's own file, or the reference's file if only that exists.

    Where neither exists, return the path that the user's own file would have.
    """
    own = results / name
    return REFERENCE_RESULTS / name if not own.exists() and (REFERENCE_RESULTS / name).exists() else own


def format_path(path: Path) -> str:
    """Return a path for a message: relative if it lies below the current folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
