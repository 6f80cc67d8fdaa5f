"""Where the benchmarks and training sources lie, for the tests that read real data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


def data_folder() -> Path:
    """``DATA_DIR``, or the folder beside the clone; skips the test where there is neither."""
    folder = Path(os.environ.get("DATA_DIR") or _BESIDE)
    if not folder.is_dir():
        pytest.skip("set DATA_DIR to the folder of benchmarks and training sources")
    return folder
