"""The paper's figures and tables in the report: our runs with the paper's numbers."""

from __future__ import annotations

from base64 import b64encode
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.paper.numbers import readings
from analysis.paper.sections.registry import FIGURES, views
from analysis.paper.source import StudySource
from analysis.report.links import slug
from analysis.report.numbers import Numbers, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from analysis.paper.figure import PaperFigure
    from analysis.paper.layout import View
    from analysis.report.part import Held


@dataclass(frozen=True, slots=True)
class DrawnFigure:
    """A figure of the paper, drawn from our runs."""

    id: str
    number: str  # in the paper
    title: str
    profile: str
    states: str  # the paper's statement
    image: str  # SVG as base64
    table: Numbers


def paper(studies: Sequence[Held], results: Path) -> tuple[DrawnFigure, ...]:
    """Return the figures of the paper that these studies provide, by profile.

    ``results`` is the results folder with the files of the runs.
    """
    by_profile: dict[str, list[Held]] = defaultdict(list)
    for held in studies:
        if len(held.taken):
            by_profile[held.study.profile].append(held)
    return tuple(drawn for profile, members in by_profile.items() for drawn in _of_profile(profile, members, results))


def _of_profile(profile: str, members: Sequence[Held], results: Path) -> Iterator[DrawnFigure]:
    wanted = {name for figure in FIGURES for name in figure.grids}
    sources = [
        StudySource.of(held.study, held.runs, held.history, results / "runs")
        for held in members
        if held.study.name in wanted
    ]
    for figure in FIGURES if sources else ():
        if found := views(figure, sources, readings()):
            yield _drawn(figure, found, profile, members)


def _drawn(figure: PaperFigure, found: Sequence[View], profile: str, members: Sequence[Held]) -> DrawnFigure:
    from analysis.paper.drawing import draw  # noqa: PLC0415 - matplotlib, a second
    from analysis.paper.table import paper_table  # noqa: PLC0415

    links = [held.links for name in figure.grids for held in members if held.study.name == name]
    return DrawnFigure(
        id=f"page.paper.{slug(profile)}.{slug(figure.id)}",
        number=figure.number,
        title=figure.title,
        profile=profile,
        states=figure.states,
        image=b64encode(draw(figure, found, ("svg",))["svg"]).decode(),
        table=numbers(paper_table(figure, found), *links),
    )
