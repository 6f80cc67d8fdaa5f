"""Tables of clipped tokens: the tokens themselves with their text, and their classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from analysis.paper.content import NO_NUMBER, Line, content, label_axes, label_columns, label_entries, places
from analysis.paper.measures import missing
from analysis.paper.run_files import clipped
from analysis.paper.tokens import CLASSES, TOP, clip_rate, clipped_classes, clipped_tokens
from analysis.tables import Column, Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from analysis.paper.content import Content, Place
    from analysis.paper.settings import View

SHARE: Final = Column("share", "share of all clips at the upper bound", "score")
RATE: Final = Column("rate", "share of its own occurrences", "side", 4)
NOTES: Final = (
    "The share is of all tokens that the upper bound held back in a run, the rate of all times that an update learnt "
    "from the token. A space in a token is written as ␣, the end of a line as ⏎.",
    "Each run lists the 256 tokens that each bound held back most, of those that any did. One that it does not list "
    "counts as never held back, and is not in the rate of its class.",
)
CLASSES_NOTE: Final = (
    f"Classes go by the text of a token alone: {', '.join(CLASSES)}. The lists of words are ours (docs/paper.md)."
)


@dataclass(frozen=True, slots=True)
class TopTokens:
    """A row a token: the twenty that the upper bound holds back most."""

    def content(self, views: Sequence[View]) -> Content:
        """The table's columns and rows."""
        axes = label_axes(views)
        lines = [line for place in places(views) for line in self._lines(axes, place)]
        columns = (*label_columns(axes, "rank", "token", "class"), SHARE, RATE)
        return content(columns, (NO_NUMBER,), lines, *NOTES, CLASSES_NOTE)

    def _lines(self, axes: Sequence[str], place: Place) -> Iterator[Line]:
        documents, at = clipped(place.setting.source, place.cell), label_entries(axes, place)
        rows = clipped_tokens(documents)[:TOP]
        for rank, row in enumerate(rows, 1):
            yield Line((*at, str(rank), row.name, row.kind, row.share, row.rate or Missing()))
        if not rows:
            yield Line((*at, "", "", "", _nothing(place, documents), Missing()))


@dataclass(frozen=True, slots=True)
class TokenClasses:
    """A row a class of tokens."""

    def content(self, views: Sequence[View]) -> Content:
        """The table's columns and rows."""
        axes = label_axes(views)
        lines = [line for place in places(views) for line in self._lines(axes, place)]
        return content((*label_columns(axes, "class"), SHARE, RATE), (NO_NUMBER,), lines, *NOTES, CLASSES_NOTE)

    def _lines(self, axes: Sequence[str], place: Place) -> Iterator[Line]:
        documents, at = clipped(place.setting.source, place.cell), label_entries(axes, place)
        for row in clipped_classes(documents):
            yield Line((*at, row.name, row.share, row.rate or Missing()))
        whole = clip_rate(documents)
        yield Line((*at, "all tokens", Missing() if whole else _nothing(place, documents), whole or Missing()))


def _nothing(place: Place, documents: Mapping[int, Mapping[str, Any]]) -> Missing:
    if not place.setting.source.runs(place.cell):
        return missing(place.setting.source, place.cell)
    return Missing("no token was clipped" if documents else "files of the runs not here")
