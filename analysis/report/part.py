"""The part of the report that shows one study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.curves.equal_cost import read_learning_curves
from analysis.report.curves import CurveFigure, build_curve_figures
from analysis.report.judged import VerdictTable, build_report_verdicts, count_primary_words
from analysis.report.lineage import Lineage, build_lineage
from analysis.report.links import Links, TraceLink
from analysis.report.numbers import Numbers, draw_effects, draw_end_scores, link_numbers
from analysis.report.plan import ReportPlan, describe_plan
from analysis.report.settings import Sources, collect_sources
from analysis.stats.evaluation import ShareReader, make_share_reader
from analysis.study.layout import find_warning
from analysis.study_data import StudyData
from analysis.tables.curves import build_curves_table
from analysis.tables.factorial import build_factorial_table
from analysis.tables.scores import build_study_table
from harness.records.record import Study

if TYPE_CHECKING:
    from pathlib import Path

    from harness.tracking.store import Store


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A study and its place on the page."""

    data: StudyData
    outcomes: ShareReader  # run id -> share of correct samples by problem
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
        return cls(data, make_share_reader(results, study.name), trace, Links(data, trace))


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


def build_part(section: Section) -> ReportPart:
    """Return the part of the report about a study."""
    data, trace = section.data, section.trace
    study, taken, history = data.study, data.taken, data.history
    found = build_report_verdicts(study, taken, read_learning_curves(study, taken, history), section.outcomes, trace)
    learning, factors = build_curves_table(study, taken, history), build_factorial_table(study, taken)
    return ReportPart(
        id=trace.anchor,
        study=study,
        warning=find_warning(study),
        sources=collect_sources(taken),
        plan=describe_plan(study, taken),
        verdicts=found,
        words=count_primary_words(found),
        factorial=draw_effects(factors, f"{trace.anchor}.lineage") if factors else None,
        numbers=draw_end_scores(build_study_table(study, data.runs), data, section.links),
        figures=build_curve_figures(study, taken, history),
        learning=link_numbers(learning, section.links) if learning else None,
        lineage=build_lineage(data, trace),  # last: it needs the numbers of all other tables
    )
