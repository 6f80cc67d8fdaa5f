"""The report: one HTML page with everything that a store holds of some studies, and nothing from outside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.report.anchors import anchors, in_order
from analysis.report.held import Held
from analysis.report.judged import FAMILIES, WORDS
from analysis.report.paper import paper
from analysis.report.part import Part, part
from analysis.report.takeaways import counted, takeaways
from analysis.report.templating import render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.records import Study
    from harness.store import Store

TITLE: Final = "Ablations of LLM reinforcement learning: report"


@dataclass(frozen=True, slots=True)
class Options:
    """What the page leaves out or takes in."""

    claims: bool = True  # the takeaways, which are judged on all grids together
    mixed: bool = False  # claims on studies whose runs are of several commits or environments


def page(store: Store, studies: Sequence[Study], results: Path, options: Options = Options()) -> str:
    """The page of these studies; the same text for the same store. ``results``: the folder with what runs left."""
    ordered = in_order(studies)
    held = [Held.of(store, study, anchor, results) for study, anchor in zip(ordered, anchors(ordered), strict=True)]
    figures = paper(held, results)  # before the parts: lineage has what all numbers ask for
    parts = [part(each, store.links(each.study.name)) for each in held]
    claims = takeaways(store, studies, results, _lines(parts), options.mixed) if options.claims else ()
    return render(
        "page.html",
        title=TITLE,
        parts=parts,
        paper=figures,
        takeaways=claims,
        counted=counted,
        families=FAMILIES,
        words=WORDS,
    )


def _lines(parts: Sequence[Part]) -> dict[tuple[str, str, str], str]:
    """Study, profile and run id -> the id of the run's line."""
    return {
        (each.study.name, each.study.profile, line.run_id): line.id
        for each in parts
        for entry in each.lineage.entries
        for line in entry.lines
    }
