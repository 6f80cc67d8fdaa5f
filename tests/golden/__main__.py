"""Write the fixture: ``python -m tests.golden write``. Look at the difference before it is committed."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from harness.tracking.client import Tracker
from tests.golden.cells import grid_cells, single_cells
from tests.golden.compare import save
from tests.golden.files import known_files
from tests.golden.names import known_names

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str]) -> int:
    """Write all files of the fixture. Exit code 2 for another word than ``write``."""
    if list(words) != ["write"]:
        print(__doc__, file=sys.stderr)
        return 2
    with redirect_stdout(sys.stderr):
        found = {"cells": grid_cells(), "single_runs": single_cells(), "names": known_names(), "files": _files()}
    for name, content in found.items():
        print(save(name, content))
    return 0


def _files() -> object:
    with TemporaryDirectory() as name:
        folder = Path(name)
        blank = folder / "mlflow.db"
        assert Tracker(f"sqlite:///{blank}", str(blank), str(blank), folder).client
        return known_files(folder, blank)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
