"""The paper's figures and tables in the report: our runs with the paper's numbers."""

from __future__ import annotations

from base64 import b64encode
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.paper.numbers import read_readings
from analysis.paper.sections.registry import FIGURES, build_views
from analysis.report.links import slug
from analysis.report.numbers import Numbers, link_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.paper.figure import PaperFigure
    from analysis.paper.layout import View
    from analysis.report.part import Section


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


def draw_paper_figures(studies: Sequence[Section]) -> tuple[DrawnFigure, ...]:
    """Return the figures of the paper that these studies provide, by profile."""
    by_profile: dict[str, list[Section]] = defaultdict(list)
    for section in studies:
        if len(section.data.taken):
            by_profile[section.data.study.profile].append(section)
    return tuple(drawn for profile, members in by_profile.items() for drawn in _of_profile(profile, members))


def _of_profile(profile: str, members: Sequence[Section]) -> Iterator[DrawnFigure]:
    wanted = {name for figure in FIGURES for name in figure.grids}
    sources = [section.data for section in members if section.data.study.name in wanted]
    for figure in FIGURES if sources else ():
        if found := build_views(figure, sources, read_readings()):
            yield _drawn(figure, found, profile, members)


def _drawn(figure: PaperFigure, found: Sequence[View], profile: str, members: Sequence[Section]) -> DrawnFigure:
    from analysis.paper.drawing import draw_paper_figure  # noqa: PLC0415 - matplotlib, a second
    from analysis.paper.table import build_paper_table  # noqa: PLC0415

    links = [section.links for name in figure.grids for section in members if section.data.study.name == name]
    return DrawnFigure(
        id=f"page.paper.{slug(profile)}.{slug(figure.id)}",
        number=figure.number,
        title=figure.title,
        profile=profile,
        states=figure.states,
        image=b64encode(draw_paper_figure(figure, found, ("svg",))["svg"]).decode(),
        table=link_numbers(build_paper_table(figure, found), *links),
    )
