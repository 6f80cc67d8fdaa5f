"""Every figure and table of the paper, and what our studies have of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.paper.sections import clipping, losses, normalisation, recipes, setup
from analysis.paper.settings import view

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.paper.figure import Figure
    from analysis.paper.numbers import Reading
    from analysis.paper.settings import View
    from analysis.paper.source import Source

SECTIONS: Final = (setup, normalisation, clipping, losses, recipes)
FIGURES: Final[tuple[Figure, ...]] = tuple(
    sorted((figure for section in SECTIONS for figure in section.FIGURES), key=lambda figure: figure.id)
)


def views(figure: Figure, sources: Sequence[Source], numbers: Iterable[Reading]) -> tuple[View, ...]:
    """The parts of a figure that have a cell in the sources; none where no study of it is among them."""
    wanted = figure.readings or (figure.id,)
    readings = tuple(
        number for number in numbers if number.figure in wanted and figure.benchmark in {None, number.benchmark}
    )
    chosen = [source for name in figure.grids for source in sources if source.study.name == name]
    parts = (view(part, chosen, readings) for part in figure.parts)
    return tuple(part for part in parts if part.settings)
