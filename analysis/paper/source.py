"""The files and numbers of a study that the figures of the paper read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from analysis.paper.numbers import BENCHMARKS
from analysis.stats.twins import format_twin
from harness.tracking.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from analysis.study_data import StudyData


CLIPPED: Final = "clipped_tokens.json"
OUTCOMES: Final = "outcomes.parquet"
ABSENT: Final = "files not here"


def read_clipped_tokens(source: StudyData, cell: int) -> dict[int, Mapping[str, Any]]:
    """Return the content of the clipped-token file of each seed that has one.

    Raises StoreError, which names the file, if one cannot be read.
    """
    return {
        seed: _document(path)
        for seed, run_id in source.run_ids(cell).items()
        if (path := _path(source, run_id, CLIPPED)).is_file()
    }


def start_outcomes(source: StudyData, cell: int) -> pd.DataFrame | None:
    """Return the outcomes before training from the first seed that has a file, or None.

    All seeds share problems and sampling. Raises StoreError if the file cannot be read.
    """
    paths = (_path(source, run_id, OUTCOMES) for run_id in source.run_ids(cell).values())
    path = next((path for path in paths if path.is_file()), None)
    return None if path is None else _outcomes(path)


def _path(source: StudyData, run_id: str, name: str) -> Path:
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


EARLY: Final = 5  # steps; the scores "train/..." average over as many steps at the end


def early_means(source: StudyData, cell: int, metric: str) -> dict[int, float]:
    """Return the mean of a step metric over the first five steps, by seed.

    Args:
        source: The study with its runs.
        cell: Index of the cell in ``Study.cells``.
        metric: The step metric.

    """
    curves, found = source.history(metric), {}
    for seed, run_id in source.run_ids(cell).items():
        if first := [value for step, value in curves.get(run_id, ()) if step > 0][:EARLY]:
            found[seed] = sum(first) / len(first)
    return found


def list_benchmarks(source: StudyData) -> tuple[str, ...]:
    """Return the benchmarks of the runs, those of the paper first and in its order."""
    parts = [str(name).split("/") for name in source.taken]
    found = {part[1] for part in parts if len(part) == 3 and part[0] == "final" and part[2].startswith("avg@")}
    return (*(name for name in BENCHMARKS if name in found), *sorted(found - BENCHMARKS.keys()))


def accuracy_score(source: StudyData, benchmark: str) -> str:
    """Return the name of a benchmark's score without "final/"; it has the number of samples."""
    start = f"final/{benchmark}/avg@"
    found = (str(name) for name in source.taken if str(name).startswith(start) and not str(name).endswith("/se"))
    return next(found, "").removeprefix("final/")


def explain_missing_run(source: StudyData, cell: int) -> tuple[str, str]:
    """Return why a cell has no finished run: a short reason and the details."""
    failed = source.taken[(source.taken["cell"] == cell) & (source.taken["status"] == "failed")]
    if len(failed):
        return "failed", str(failed["error"].iloc[0])
    twin = source.replaced.get(cell)
    return (format_twin(source.study, twin), twin.because) if twin else ("not run yet", "")
