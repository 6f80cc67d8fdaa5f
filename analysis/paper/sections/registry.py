"""All figures and tables of the paper, and the functions that write them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from analysis.paper.figure import build_view
from analysis.paper.numbers import read_readings
from analysis.paper.sections import clipping, losses, normalization, recipes
from analysis.study_data import StudyData
from analysis.tables import write_result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from analysis.paper.figure import PaperFigure, View
    from analysis.paper.numbers import Reading
    from harness.records import Study
    from harness.tracking import Store


SECTIONS: Final = (normalization, clipping, losses, recipes)
FIGURES: Final[tuple[PaperFigure, ...]] = tuple(
    sorted((figure for section in SECTIONS for figure in section.FIGURES), key=lambda figure: figure.id)
)


def build_views(figure: PaperFigure, sources: Sequence[StudyData], numbers: Iterable[Reading]) -> tuple[View, ...]:
    """Return the parts of a figure that have a cell in the sources.

    Args:
        figure: The figure.
        sources: The studies with their runs.
        numbers: The numbers of the paper.

    """
    wanted = figure.readings or (figure.id,)
    readings = tuple(
        number for number in numbers if number.figure in wanted and figure.benchmark in {None, number.benchmark}
    )
    chosen = [source for name in figure.grids for source in sources if source.study.name == name]
    parts = (build_view(part, chosen, readings) for part in figure.parts)
    return tuple(part for part in parts if part.settings)


def write_tables(store: Store, studies: Sequence[Study], results: Path) -> Iterator[Path]:
    """Write the tables that these studies provide as Markdown, CSV and LaTeX.

    Args:
        store: The store of the runs.
        studies: The studies.
        results: The results folder.

    Yields:
        The path of each file.

    """
    from analysis.paper.render import build_paper_table  # noqa: PLC0415
    from analysis.tables import render_csv, render_latex, render_markdown  # noqa: PLC0415

    for figure, found in _found(store, studies, results):
        table = build_paper_table(figure, found)
        for ending, render in (("md", render_markdown), ("csv", render_csv), ("tex", render_latex)):
            yield write_result(results / "tables" / f"{table.name}.{ending}", render(table).encode())


def write_figures(store: Store, studies: Sequence[Study], results: Path) -> Iterator[Path]:
    """Write the figures that these studies provide as SVG and PNG.

    Args:
        store: The store of the runs.
        studies: The studies.
        results: The results folder.

    Yields:
        The path of each file.

    """
    from analysis.paper.render import draw_paper_figure  # noqa: PLC0415 - matplotlib, a second

    for figure, found in _found(store, studies, results):
        profile = found[0].settings[0].source.study.profile
        for ending, content in draw_paper_figure(figure, found).items():
            yield write_result(results / "figures" / f"{figure.id}.{profile}.{ending}", content)


def _found(store: Store, studies: Sequence[Study], results: Path) -> Iterator[tuple[PaperFigure, tuple[View, ...]]]:
    """Yield each figure with its available parts, profile by profile."""
    wanted = {name for figure in FIGURES for name in figure.grids}
    by_profile: dict[str, list[Study]] = defaultdict(list)
    for study in studies:
        if study.name in wanted:
            by_profile[study.profile].append(study)
    for _, members in sorted(by_profile.items()):
        sources = [source for study in members if len((source := StudyData.read(store, study, results)).taken)]
        for figure in FIGURES if sources else ():
            if found := build_views(figure, sources, read_readings()):
                yield figure, found
