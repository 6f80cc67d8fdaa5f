"""Measures: the kinds of our numbers in a table of the paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.paper.source import early_means, explain_missing_run
from analysis.stats.bootstrap import estimate_difference, estimate_mean
from analysis.stats.text import shorten
from analysis.tables.scores import Column, Kind, MissingScore

if TYPE_CHECKING:
    from analysis.study_data import StudyData
    from analysis.tables.scores import Entry


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
