"""Measures: our numbers in a figure of the paper, and the files that they come from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from analysis.paper.numbers import BENCHMARKS
from analysis.stats import estimate_difference, estimate_mean, format_twin, shorten
from analysis.tables import Column, Kind, MissingScore
from harness.tracking import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from analysis.study_data import StudyData
    from analysis.tables import Entry


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


@dataclass(frozen=True, slots=True)
class Score:
    """A score of the runs, averaged over seeds."""

    name: str
    title: str
    digits: int = 3
    kind: Kind = "side"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The one column of the measure."""
        return (Column(self.name, self.title, self.kind, self.digits),)

    def entries(self, source: StudyData, cell: int) -> tuple[Entry, ...]:
        """Return the mean over seeds, or a dash with the reason."""
        found = estimate_mean(source.values(cell, self.name).values())
        return (found or (explain_missing(source, cell) if self.kind == "score" else MissingScore()),)


@dataclass(frozen=True, slots=True)
class Early:
    """A step metric over the first five steps, averaged over seeds."""

    metric: str
    title: str
    digits: int = 3

    @property
    def columns(self) -> tuple[Column, ...]:
        """The one column of the measure."""
        return (Column(f"early/{self.metric}", self.title, "side", self.digits),)

    def entries(self, source: StudyData, cell: int) -> tuple[Entry, ...]:
        """Return the mean over seeds, or a dash."""
        return (estimate_mean(early_means(source, cell, self.metric).values()) or MissingScore(),)


@dataclass(frozen=True, slots=True)
class Gain:
    """The gain of a run from start to end, averaged over seeds."""

    start: str = "start/accuracy"
    end: str = "final/accuracy"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The one column of the measure."""
        return (Column("gain", "gain from start to end", "gap"),)

    def entries(self, source: StudyData, cell: int) -> tuple[Entry, ...]:
        """Return the mean over seeds, or a dash."""
        return (estimate_difference(source.values(cell, self.end), source.values(cell, self.start)) or MissingScore(),)


@dataclass(frozen=True, slots=True)
class Difference:
    """The paired difference of a score to the study's baseline."""

    name: str = "final/accuracy"
    title: str = "difference to baseline"
    digits: int = 3

    @property
    def columns(self) -> tuple[Column, ...]:
        """The one column of the measure."""
        return (Column(f"{self.name} difference", self.title, "gap", self.digits),)

    def entries(self, source: StudyData, cell: int) -> tuple[Entry, ...]:
        """Return the mean difference, or a dash with the reason."""
        return (measure_gap(source, cell, self.name),)


@dataclass(frozen=True, slots=True)
class VerdictWord:
    """The verdict of the cell against its baseline, as in the study's table."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The one column of the measure."""
        return (Column("verdict", "verdict", "word"),)

    def entries(self, source: StudyData, cell: int) -> tuple[Entry, ...]:
        """Return the word of the verdict, or a dash."""
        return (source.verdict_words.get(cell) or MissingScore(),)


Measure = Score | Early | Gain | Difference | VerdictWord


def measure_gap(source: StudyData, cell: int, name: str) -> Entry:
    """Return the paired difference of a score between a cell and its baseline.

    Args:
        source: The study with its runs.
        cell: Index of the cell in ``Study.cells``.
        name: Name of the score.

    Returns:
        The difference, the word "baseline", or a dash with the reason.

    """
    back = source.baselines.get(cell)
    if back is None or not source.values(cell, name):
        return MissingScore()
    if back == cell:
        return "baseline"
    if not source.values(back, name):
        return MissingScore(f"baseline {explain_missing(source, back).reason}")
    return estimate_difference(source.values(cell, name), source.values(back, name)) or MissingScore(
        "no seed in common"
    )


def explain_missing(source: StudyData, cell: int) -> MissingScore:
    """Return a dash for a cell with the reason."""
    if source.run_ids(cell):
        return MissingScore("not logged")
    word, detail = explain_missing_run(source, cell)
    return MissingScore(word, shorten(detail) if detail else "")
