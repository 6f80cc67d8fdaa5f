"""The description of a figure of the paper: grids, layout and the paper's statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from analysis.paper.layout import FigurePart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.paper.content import Content
    from analysis.paper.layout import View


class Rows(Protocol):
    """A kind of table."""

    def content(self, views: Sequence[View]) -> Content:
        """Return our numbers, followed by the paper's in separate columns."""
        ...


@dataclass(frozen=True, slots=True)
class PaperFigure:
    """A figure or a table of arXiv:2508.08221."""

    id: str  # name of its files
    number: str  # in the paper (V3)
    title: str
    states: str  # what the paper states there, in our words
    silent: str  # what the paper does not state
    grids: tuple[str, ...]  # if two have a setting, the first that ran it is used
    parts: tuple[FigurePart, ...]
    rows: Rows
    readings: tuple[str, ...] = ()  # figures whose numbers are shown with ours; by default this one
    notes: tuple[str, ...] = ()
    benchmark: str | None = None  # the only benchmark of the paper's numbers; None: all
