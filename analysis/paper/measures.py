"""Our numbers in a table of the paper: what a column holds of a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.stats.bootstrap import estimate, paired
from analysis.stats.text import brief
from analysis.tables.scores import Column, Kind, MissingScore

if TYPE_CHECKING:
    from analysis.paper.source import StudySource
    from analysis.tables.scores import Entry


@dataclass(frozen=True, slots=True)
class Score:
    """A score of the runs, mean over seeds."""

    name: str
    title: str
    digits: int = 3
    kind: Kind = "side"

    @property
    def columns(self) -> tuple[Column, ...]:
        """One."""
        return (Column(self.name, self.title, self.kind, self.digits),)

    def entries(self, source: StudySource, cell: int) -> tuple[Entry, ...]:
        """The mean, or why there is none."""
        found = estimate(source.values(cell, self.name).values())
        return (found or (missing(source, cell) if self.kind == "score" else MissingScore()),)


@dataclass(frozen=True, slots=True)
class Early:
    """A step metric over the first five steps, mean over seeds."""

    metric: str
    title: str
    digits: int = 3

    @property
    def columns(self) -> tuple[Column, ...]:
        """One."""
        return (Column(f"early/{self.metric}", self.title, "side", self.digits),)

    def entries(self, source: StudySource, cell: int) -> tuple[Entry, ...]:
        """The mean, or a dash."""
        return (estimate(source.early(cell, self.metric).values()) or MissingScore(),)


@dataclass(frozen=True, slots=True)
class Gain:
    """What a run gained from start to end, mean over seeds."""

    start: str = "start/accuracy"
    end: str = "final/accuracy"

    @property
    def columns(self) -> tuple[Column, ...]:
        """One."""
        return (Column("gain", "gain from start to end", "gap"),)

    def entries(self, source: StudySource, cell: int) -> tuple[Entry, ...]:
        """The mean, or a dash."""
        return (paired(source.values(cell, self.end), source.values(cell, self.start)) or MissingScore(),)


@dataclass(frozen=True, slots=True)
class Difference:
    """A score against the study's baseline, over paired seeds."""

    name: str = "final/accuracy"
    title: str = "difference to baseline"
    digits: int = 3

    @property
    def columns(self) -> tuple[Column, ...]:
        """One."""
        return (Column(f"{self.name} difference", self.title, "gap", self.digits),)

    def entries(self, source: StudySource, cell: int) -> tuple[Entry, ...]:
        """The mean difference, or why there is none."""
        return (gap(source, cell, self.name),)


@dataclass(frozen=True, slots=True)
class VerdictWord:
    """The verdict on the cell against the baseline: that of the study's own table, on the score that decides."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """One."""
        return (Column("verdict", "verdict", "word"),)

    def entries(self, source: StudySource, cell: int) -> tuple[Entry, ...]:
        """A word, or a dash."""
        return (source.verdicts.get(cell) or MissingScore(),)


Measure = Score | Early | Gain | Difference | VerdictWord


def gap(source: StudySource, cell: int, name: str) -> Entry:
    """The paired difference of a score to that of the cell's baseline."""
    back = source.back.get(cell)
    if back is None or not source.values(cell, name):
        return MissingScore()
    if back == cell:
        return "baseline"
    if not source.values(back, name):
        return MissingScore(f"baseline {missing(source, back).reason}")
    return paired(source.values(cell, name), source.values(back, name)) or MissingScore("no seed in common")


def missing(source: StudySource, cell: int) -> MissingScore:
    """A dash for a cell, with the reason."""
    if source.runs(cell):
        return MissingScore("not logged")
    word, detail = source.gone(cell)
    return MissingScore(word, brief(detail) if detail else "")
