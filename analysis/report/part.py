"""The part of the report that shows one study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.curves.equal_cost import learning_curves
from analysis.report.curves import CurveFigure, figures
from analysis.report.judged import VerdictTable, counted, judged
from analysis.report.lineage import Lineage, lineage
from analysis.report.links import Links, TraceLink
from analysis.report.numbers import Numbers, effects, ends, numbers
from analysis.report.plan import ReportPlan, plan
from analysis.report.settings import Sources, sources
from analysis.stats.evaluation import Shares, shares_of
from analysis.study.data import StudyData
from analysis.study.layout import warning
from analysis.tables.curves import curves_table
from analysis.tables.factorial import factorial_table
from analysis.tables.scores import study_table
from harness.records.record import Study

if TYPE_CHECKING:
    from pathlib import Path

    from harness.tracking.store import Store


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A study and its place on the page."""

    data: StudyData
    outcomes: Shares  # run id -> share of correct samples by problem
    trace: TraceLink
    links: Links

    @classmethod
    def read(cls, store: Store, study: Study, anchor: str, results: Path) -> Section:
        """Read a study from the store.

        Args:
            store: The store of the runs.
            study: The study.
            anchor: The id of its part of the page.
            results: The results folder with the files of the runs.

        """
        data, trace = StudyData.read(store, study, results), TraceLink(anchor)
        return cls(data, shares_of(results, study.name), trace, Links(data, trace))


@dataclass(frozen=True, slots=True)
class ReportPart:
    """The content of the report about one study."""

    id: str
    study: Study
    warning: str
    sources: Sources
    plan: ReportPlan
    verdicts: VerdictTable
    words: dict[str, int]  # verdict words of the primary family
    factorial: Numbers | None
    numbers: Numbers
    figures: tuple[CurveFigure, ...]
    learning: Numbers | None
    lineage: Lineage


def part(section: Section) -> ReportPart:
    """Return the part of the report about a study."""
    data, trace = section.data, section.trace
    study, taken, history = data.study, data.taken, data.history
    found = judged(study, taken, learning_curves(study, taken, history), section.outcomes, trace)
    learning, factors = curves_table(study, taken, history), factorial_table(study, taken)
    return ReportPart(
        id=trace.anchor,
        study=study,
        warning=warning(study),
        sources=sources(taken),
        plan=plan(study, taken),
        verdicts=found,
        words=counted(found),
        factorial=effects(factors, f"{trace.anchor}.lineage") if factors else None,
        numbers=ends(study_table(study, data.runs), data, section.links),
        figures=figures(study, taken, history),
        learning=numbers(learning, section.links) if learning else None,
        lineage=lineage(data, trace),  # last: it needs the numbers of all other tables
    )
