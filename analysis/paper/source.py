"""A study with its runs, as the figures of the paper read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from analysis.curves.bands import bands
from analysis.paper.numbers import BENCHMARKS
from analysis.stats.twins import Twin, twin_label, twins_of
from analysis.stats.verdict import verdicts
from analysis.study.frame import Scores, finished, planned, scores
from analysis.study.layout import baselines
from harness.records.record import Study
from harness.tracking.errors import StoreError
from harness.tracking.queries import Curve

if TYPE_CHECKING:
    from analysis.curves.bands import Band, History


CLIPPED: Final = "clipped_tokens.json"
OUTCOMES: Final = "outcomes.parquet"
ABSENT: Final = "files not here"


def clipped(source: StudySource, cell: int) -> dict[int, Mapping[str, Any]]:
    """Return the content of the clipped-token file of each seed that has one.

    Raises StoreError, which names the file, if one cannot be read.
    """
    return {
        seed: _document(path)
        for seed, run_id in source.runs(cell).items()
        if (path := _path(source, run_id, CLIPPED)).is_file()
    }


def start_outcomes(source: StudySource, cell: int) -> pd.DataFrame | None:
    """Return the outcomes before training from the first seed that has a file, or None.

    All seeds share problems and sampling. Raises StoreError if the file cannot be read.
    """
    paths = (_path(source, run_id, OUTCOMES) for run_id in source.runs(cell).values())
    path = next((path for path in paths if path.is_file()), None)
    return None if path is None else _outcomes(path)


def _path(source: StudySource, run_id: str, name: str) -> Path:
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


@dataclass(frozen=True, slots=True)
class StudySource:
    """A study with its runs and cached scores."""

    study: Study
    taken: pd.DataFrame  # runs of its cells
    history: Callable[[str], Mapping[str, Curve]]  # metric -> run id -> curve
    folder: Path  # folder of the run folders
    verdicts: Mapping[int, str]  # cell -> word of its verdict, with the failed seeds
    back: Mapping[int, int]  # cell -> its baseline
    done: Mapping[int, Mapping[int, str]]  # cell -> seed -> id of the finished run
    twins: Mapping[int, Twin]  # cells that did not run because a twin ran for them
    _scores: dict[str, Scores] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, study: Study, runs: pd.DataFrame, history: History, folder: Path) -> StudySource:
        """Build the source of a study.

        Args:
            study: The study.
            runs: The runs of its experiment (``frame.runs_frame``).
            history: Metric -> run id -> curve.
            folder: The folder of the run folders.

        """
        taken = planned(runs, study)
        words = {verdict.contrast.arm: verdict.said for verdict in verdicts(study, taken)}
        done = _done(taken)
        twins = {cell: twin for cell, twin in twins_of(study).items() if study.once and cell not in done}
        back = {cell: twins[to].of if to in twins else to for cell, to in baselines(study).items()}
        return cls(study, taken, cache(history), folder, words, back, done, twins)

    def values(self, cell: int, name: str) -> Mapping[int, float]:
        """Return a score of a cell by seed."""
        if name not in self._scores:
            self._scores[name] = scores(self.taken, name)
        return self._scores[name].get(cell, {})

    def runs(self, cell: int) -> Mapping[int, str]:
        """Return the ids of a cell's finished runs by seed."""
        return self.done.get(cell, {})

    def bands(self, metric: str) -> dict[int, Band]:
        """Return the band of each cell for a step metric."""
        return bands(self.taken, self.history(metric))

    def early(self, cell: int, metric: str) -> dict[int, float]:
        """Return the mean of a step metric over the first five steps, by seed."""
        curves, found = self.history(metric), {}
        for seed, run_id in self.runs(cell).items():
            if first := [value for step, value in curves.get(run_id, ()) if step > 0][:EARLY]:
                found[seed] = sum(first) / len(first)
        return found

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """The benchmarks of the runs, those of the paper first and in its order."""
        parts = [str(name).split("/") for name in self.taken]
        found = {part[1] for part in parts if len(part) == 3 and part[0] == "final" and part[2].startswith("avg@")}
        return (*(name for name in BENCHMARKS if name in found), *sorted(found - BENCHMARKS.keys()))

    def accuracy(self, benchmark: str) -> str:
        """Return the name of a benchmark's score without "final/"; it has the number of samples."""
        start = f"final/{benchmark}/avg@"
        found = (str(name) for name in self.taken if str(name).startswith(start) and not str(name).endswith("/se"))
        return next(found, "").removeprefix("final/")

    def gone(self, cell: int) -> tuple[str, str]:
        """Return why a cell has no finished run: a short reason and the details."""
        failed = self.taken[(self.taken["cell"] == cell) & (self.taken["status"] == "failed")]
        if len(failed):
            return "failed", str(failed["error"].iloc[0])
        twin = self.twins.get(cell)
        return (twin_label(self.study, twin), twin.because) if twin else ("not run yet", "")


def _done(taken: pd.DataFrame) -> dict[int, dict[int, str]]:
    found: dict[int, dict[int, str]] = {}
    counted = finished(taken)
    for cell, seed, run_id in sorted(zip(counted["cell"], counted["seed"], counted["run_id"], strict=True)):
        found.setdefault(cell, {})[seed] = run_id
    return found
