"""The report: one HTML page with everything that a store holds of some studies, and nothing from outside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Final

from analysis.factorial.table import factorial_table
from analysis.frame import planned, runs_frame
from analysis.layout import warning
from analysis.report.anchors import Trace, anchors
from analysis.report.curves import Figure, figures
from analysis.report.judged import FAMILIES, WORDS, Verdicts, counted, judged
from analysis.report.lineage import Lineage, lineage
from analysis.report.numbers import Numbers, drawn, effects, numbers
from analysis.report.plan import Plan, plan
from analysis.report.sources import Sources, sources
from analysis.report.takeaways import counted as of_claims
from analysis.report.takeaways import takeaways
from analysis.report.templating import render
from analysis.tables import study_table
from analysis.trajectory.course import courses
from analysis.trajectory.table import curves_table
from harness.records import Study

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.store import Store

TITLE: Final = "Ablations of LLM reinforcement learning: report"


@dataclass(frozen=True, slots=True)
class Options:
    """What the page leaves out or takes in."""

    claims: bool = True  # the takeaways, which are judged on all grids together
    mixed: bool = False  # claims on studies whose runs are of several commits or environments


@dataclass(frozen=True, slots=True)
class Part:
    """A study's part of the page."""

    id: str
    study: Study
    warning: str
    sources: Sources
    plan: Plan
    verdicts: Verdicts
    words: dict[str, int]  # verdict words of the primary family
    numbers: Numbers
    figures: tuple[Figure, ...]
    learning: Numbers | None
    factorial: Numbers | None
    lineage: Lineage


def page(store: Store, studies: Sequence[Study], results: Path, options: Options = Options()) -> str:
    """The page of these studies; the same text for the same store. ``results``: the folder with what runs left."""
    parts = [_part(store, study, anchor) for study, anchor in zip(studies, anchors(studies), strict=True)]
    lines = {
        (part.study.name, part.study.profile, line.run_id): line.id
        for part in parts
        for entry in part.lineage.entries
        for line in entry.lines
    }
    claims = takeaways(store, studies, results, lines, options.mixed) if options.claims else ()
    return render(
        "page.html", title=TITLE, parts=parts, takeaways=claims, counted=of_claims, families=FAMILIES, words=WORDS
    )


def _part(store: Store, study: Study, anchor: str) -> Part:
    records = store.records(study.name)
    runs, history = runs_frame(records), cache(partial(store.history, study.name))
    taken, trace = planned(runs, study), Trace(anchor)
    found = judged(study, taken, courses(study, taken, history), trace)
    learning, factors = curves_table(study, taken, history), factorial_table(study, taken)
    return Part(
        id=anchor,
        study=study,
        warning=warning(study),
        sources=sources(taken),
        plan=plan(study, taken),
        verdicts=found,
        words=counted(found),
        numbers=drawn(study_table(study, runs), study, taken, trace),
        figures=figures(study, taken, history),
        learning=numbers(learning, study, taken, trace) if learning else None,
        factorial=effects(factors, f"{anchor}.lineage") if factors else None,
        lineage=lineage(study, records, store.links(study.name), trace),
    )
