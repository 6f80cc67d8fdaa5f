"""The part of the report that shows one study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import pandas as pd

from analysis.curves.equal_cost import learning_curves
from analysis.report.curves import CurveFigure, figures
from analysis.report.judged import VerdictTable, counted, judged
from analysis.report.lineage import Lineage, lineage
from analysis.report.links import Links, TraceLink
from analysis.report.numbers import Numbers, effects, ends, numbers
from analysis.report.plan import ReportPlan, plan
from analysis.report.settings import Sources, sources
from analysis.stats.evaluation import Shares, shares_of
from analysis.study.frame import planned, runs_frame
from analysis.study.layout import warning
from analysis.tables.curves import curves_table
from analysis.tables.factorial import factorial_table
from analysis.tables.scores import study_table
from harness.records.record import RunRecord, Study
from harness.tracking.queries import Curve

if TYPE_CHECKING:
    from pathlib import Path

    from harness.tracking.store import Store


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A study with its runs and its place on the page."""

    id: str  # id of its part of the page
    study: Study
    records: Sequence[RunRecord]
    runs: pd.DataFrame  # all runs of its experiment
    taken: pd.DataFrame  # the planned runs (``frame.planned``)
    history: Callable[[str], Mapping[str, Curve]]  # metric -> run id -> curve
    outcomes: Shares  # run id -> share of correct samples by problem
    trace: TraceLink
    links: Links

    @classmethod
    def of(cls, store: Store, study: Study, anchor: str, results: Path) -> Held:
        """Read a study from the store.

        Args:
            store: The store of the runs.
            study: The study.
            anchor: The id of its part of the page.
            results: The results folder with the files of the runs.

        """
        records = store.records(study.name)
        runs = runs_frame(records)
        taken, trace = planned(runs, study), TraceLink(anchor)
        history = cache(partial(store.history, study.name))
        outcomes = shares_of(results, study.name)
        return cls(anchor, study, records, runs, taken, history, outcomes, trace, Links(study, taken, trace))


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


def part(held: Held, links: Mapping[str, str]) -> ReportPart:
    """Return the part of a study; ``links`` maps run ids to their addresses in MLflow."""
    study, taken, history, trace = held.study, held.taken, held.history, held.trace
    found = judged(study, taken, learning_curves(study, taken, history), held.outcomes, trace)
    learning, factors = curves_table(study, taken, history), factorial_table(study, taken)
    return ReportPart(
        id=held.id,
        study=study,
        warning=warning(study),
        sources=sources(taken),
        plan=plan(study, taken),
        verdicts=found,
        words=counted(found),
        factorial=effects(factors, f"{held.id}.lineage") if factors else None,
        numbers=ends(study_table(study, held.runs), study, taken, held.links),
        figures=figures(study, taken, history),
        learning=numbers(learning, held.links) if learning else None,
        lineage=lineage(study, held.records, links, trace),  # last: it needs the numbers of all other tables
    )
