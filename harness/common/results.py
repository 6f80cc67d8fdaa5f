"""Folders of results: the user's own, and the reference that comes with the repository.

Commands write only to the user's own folder, which git ignores. The reference, ``results/reference``, holds tables and
figures of recorded runs that the documentation cites. Only ``make reference`` writes there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from harness.common.schema import SchemaError

# an installed package has none
REFERENCE_RESULTS: Final = Path(__file__).resolve().parents[2] / "results" / "reference"


def results_folder(named: str | Path | None = None) -> Path:
    """Return the folder for results: ``named``, else RESULTS_DIR, else ``results``.

    A relative path is relative to the current folder. Raises SchemaError where the folder lies in the reference.
    """
    folder = Path(named or os.environ.get("RESULTS_DIR") or "results")
    if is_reference(folder):
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
