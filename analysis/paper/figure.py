"""A figure of the paper as this project draws it: which grids it takes, how it is laid out, what the paper says."""

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
        """Our numbers, and in columns of their own the paper's."""
        ...


@dataclass(frozen=True, slots=True)
class PaperFigure:
    """A figure or a table of arXiv:2508.08221."""

    id: str  # of its files
    number: str  # in the paper (V3)
    title: str
    states: str  # what the paper states there, in our words
    silent: str  # what it does not say
    grids: tuple[str, ...]  # where two have a setting, the first that ran it gives it
    parts: tuple[FigurePart, ...]
    rows: Rows
    readings: tuple[str, ...] = ()  # whose numbers of the paper stand beside ours; by default its own
    notes: tuple[str, ...] = ()
    benchmark: str | None = None  # the one whose numbers of the paper count; None: all
