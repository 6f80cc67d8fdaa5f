"""A study's part of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.factorial.table import factorial_table
from analysis.layout import warning
from analysis.report.curves import Figure, figures
from analysis.report.judged import Verdicts, counted, judged
from analysis.report.lineage import Lineage, lineage
from analysis.report.numbers import Numbers, effects, ends, numbers
from analysis.report.plan import Plan, plan
from analysis.report.sources import Sources, sources
from analysis.tables import study_table
from analysis.trajectory.course import courses
from analysis.trajectory.table import curves_table
from harness.records import Study

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.report.held import Held


@dataclass(frozen=True, slots=True)
class Part:
    """All that the page says of a study."""

    id: str
    study: Study
    warning: str
    sources: Sources
    plan: Plan
    verdicts: Verdicts
    words: dict[str, int]  # verdict words of the primary family
    factorial: Numbers | None
    numbers: Numbers
    figures: tuple[Figure, ...]
    learning: Numbers | None
    lineage: Lineage


def part(held: Held, links: Mapping[str, str]) -> Part:
    """The part of a study. ``links``: run id -> where MLflow shows the run."""
    study, taken, history, trace = held.study, held.taken, held.history, held.trace
    found = judged(study, taken, courses(study, taken, history), held.outcomes, trace)
    learning, factors = curves_table(study, taken, history), factorial_table(study, taken)
    return Part(
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
        lineage=lineage(study, held.records, links, trace),  # last: it has what all the others ask for
    )
