"""Tables of the paper with one row per cell, benchmark or probability bin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.paper.figure import (
    NO_NUMBER,
    ContentRow,
    Quantity,
    build_content,
    label_axes,
    label_columns,
    label_entries,
    list_places,
)
from analysis.paper.measures import (
    Difference,
    Measure,
    Score,
    accuracy_score,
    explain_missing,
    list_benchmarks,
    measure_gap,
)
from analysis.paper.numbers import BENCHMARKS, MEAN_OF_SIX
from analysis.paper.panels import BINS, share_by_correct
from analysis.stats import estimate_mean
from analysis.tables import Column, MissingScore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.paper.figure import Content, TablePlace, View
    from analysis.paper.numbers import Reading
    from analysis.stats import Estimate
    from analysis.tables import Entry


@dataclass(frozen=True, slots=True)
class Cells:
    """A table with one row per cell."""

    measures: tuple[Measure, ...]
    paper: tuple[Quantity, ...] = (NO_NUMBER,)

    def content(self, views: Sequence[View]) -> Content:
        """Return the columns and rows of the table."""
        axes = label_axes(views)
        columns = [column for measure in self.measures for column in measure.columns]
        return build_content(
            (*label_columns(axes), *columns), self.paper, (self._line(axes, place) for place in list_places(views))
        )

    def _line(self, axes: Sequence[str], place: TablePlace) -> ContentRow:
        ours = [entry for measure in self.measures for entry in measure.entries(place.setting.source, place.cell)]
        found = [place.reading(each.name, each.benchmark) if each.name else None for each in self.paper]
        return ContentRow((*label_entries(axes, place), *ours), tuple(found))


@dataclass(frozen=True, slots=True)
class BenchmarkRows:
    """A table with one row per cell and benchmark: start and final accuracy.

    The first row of each cell is the mean over benchmarks.
    """

    paper: tuple[Quantity, ...] = (
        Quantity("start", "the paper: start"),
        Quantity("final", "the paper: final"),
        Quantity("peak", "the paper: best step"),
    )

    def content(self, views: Sequence[View]) -> Content:
        """Return the columns and rows of the table."""
        axes = label_axes(views)
        ours = (
            *label_columns(axes, "benchmark"),
            Column("start", "start", "side"),
            Column("final", "final", "score"),
            Column("final difference", "difference to baseline", "gap"),
        )
        lines = (line for place in list_places(views) for line in self._lines(axes, place))
        return build_content(ours, self.paper, lines, *_mean_note(views))

    def _lines(self, axes: Sequence[str], place: TablePlace) -> Iterator[ContentRow]:
        at, own = label_entries(axes, place), list_benchmarks(place.setting.source)
        yield ContentRow((*at, "mean", *_scored(place, "accuracy")), self._readings(place, MEAN_OF_SIX))
        for name in own if len(own) > 1 else ():
            title, scored = BENCHMARKS.get(name, name), _scored(place, accuracy_score(place.setting.source, name))
            yield ContentRow((*at, title, *scored), self._readings(place, title))
        for title in (title for name, title in BENCHMARKS.items() if name not in own):
            if any(found := self._readings(place, title)):
                yield ContentRow((*at, title, MissingScore(), MissingScore(), MissingScore()), found)

    def _readings(self, place: TablePlace, benchmark: str) -> tuple[Reading | None, ...]:
        return tuple(place.reading(each.name, benchmark) for each in self.paper)


def _scored(place: TablePlace, name: str) -> tuple[Entry, Entry, Entry]:
    source, cell = place.setting.source, place.cell
    start, final = (estimate_mean(source.values(cell, f"{when}/{name}").values()) for when in ("start", "final"))
    return start or MissingScore(), final or explain_missing(source, cell), measure_gap(source, cell, f"final/{name}")


def _mean_note(views: Sequence[View]) -> Iterator[str]:
    names = dict.fromkeys(
        name for view in views for setting in view.settings for name in list_benchmarks(setting.source)
    )
    if names:
        yield f"The mean is over {', '.join(names)} in our columns, over its six benchmarks in the paper's."


@dataclass(frozen=True, slots=True)
class BinRows:
    """A table with one row per cell and probability bin."""

    def content(self, views: Sequence[View]) -> Content:
        """Return the columns and rows of the table."""
        axes = label_axes(views)
        ours = (
            *label_columns(axes),
            Column("bin", "probability of the sampled token", "label"),
            Column("share", "share of tokens, last five steps", "score"),
            Column("share difference", "difference to baseline", "gap"),
        )
        paper = (Quantity("share", "the paper: share of tokens"),)
        lines = (self._line(axes, place, name) for place in list_places(views) for name in BINS)
        return build_content(ours, paper, lines, quantities=(f"probability/{name}" for name in BINS))

    def _line(self, axes: Sequence[str], place: TablePlace, name: str) -> ContentRow:
        quantity, source = f"probability/{name}", place.setting.source
        (share,) = Score(f"train/{quantity}", "", kind="score").entries(source, place.cell)
        (moved,) = Difference(f"train/{quantity}").entries(source, place.cell)
        interval = f"[{name.replace('-', ', ')}{']' if name == BINS[-1] else ')'}"
        return ContentRow((*label_entries(axes, place), interval, share, moved), (place.reading(quantity),))


SAMPLES: Final = 8  # samples per prompt, as in the paper; used if no run has outcomes
OVER_PROMPTS: Final = (
    "In this table ± is half the 95 % interval of the mean over prompts, and n is the number of prompts: the held-out "
    "problems of the tier, answered before training. All seeds share these problems and their sampling, so that seeds "
    "add nothing."
)
NO_TIER: Final = "No outcomes of the tier: held-out benchmarks are no tier (`make difficulty` asks a model the tiers)."


@dataclass(frozen=True, slots=True)
class SolvedCounts:
    """A table with one row per cell and one column per number of correct samples.

    The estimates are over prompts, not over seeds.
    """

    def content(self, views: Sequence[View]) -> Content:
        """Return the columns and rows of the table."""
        axes = label_axes(views)
        found = [(place, share_by_correct(place.setting.source, place.cell)) for place in list_places(views)]
        most = max((len(shares) - 1 for _, shares in found if shares), default=SAMPLES)
        columns = [
            Column(f"{right} right", f"{right} of {most}", "side" if right else "score", 2) for right in range(most + 1)
        ]
        lines = [ContentRow((*label_entries(axes, place), *_shares(place, shares, most))) for place, shares in found]
        gone = any(not shares and place.setting.source.run_ids(place.cell) for place, shares in found)
        return build_content(
            (*label_columns(axes), *columns), (NO_NUMBER,), lines, OVER_PROMPTS, *((NO_TIER,) if gone else ())
        )


def _shares(place: TablePlace, shares: Sequence[Estimate], most: int) -> list[Entry]:
    if shares:
        return [*shares, *[MissingScore()] * (most + 1 - len(shares))]
    source = place.setting.source
    return [
        MissingScore("no outcomes here") if source.run_ids(place.cell) else explain_missing(source, place.cell),
        *[MissingScore()] * most,
    ]
