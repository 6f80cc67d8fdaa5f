"""What single runs left beside their record: the tokens that were clipped, and the outcome of every held-out sample.

These files lie in the folder of the runs. Where a store on another machine is read, they are not there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from harness.store_errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from analysis.paper.source import Source

CLIPPED: Final = "clipped_tokens.json"
OUTCOMES: Final = "outcomes.parquet"
ABSENT: Final = "files not here"


def clipped(source: Source, cell: int) -> dict[int, Mapping[str, Any]]:
    """Seed -> the document of its clipped tokens, of the runs whose file is there."""
    return {
        seed: _document(path)
        for seed, run_id in source.runs(cell).items()
        if (path := _path(source, run_id, CLIPPED)).is_file()
    }


def start_outcomes(source: Source, cell: int) -> pd.DataFrame | None:
    """The outcomes before training of the first seed that left them: problems and sampling are the same for all."""
    paths = (_path(source, run_id, OUTCOMES) for run_id in source.runs(cell).values())
    path = next((path for path in paths if path.is_file()), None)
    return None if path is None else _outcomes(path)


def _path(source: Source, run_id: str, name: str) -> Path:
    return source.folder / f"{source.study.name}.{run_id}" / name


def _document(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {
            "high": found["high"],
            "low": found["low"],
            "occurrences": found["occurrences"],
            "tokens": found["tokens"],
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} cannot be read ({error}); run its cell again, or remove the file") from error


def _outcomes(path: Path) -> pd.DataFrame:
    try:
        found = pd.read_parquet(path)
        return found[found["when"] == "start"]
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(f"{path} cannot be read ({error}); run its cell again, or remove the file") from error
