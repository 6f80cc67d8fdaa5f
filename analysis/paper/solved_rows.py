"""The table of prompts by number correct (the paper's Fig. 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.paper.content import NO_NUMBER, Line, content, label_axes, label_columns, label_entries, places
from analysis.paper.measures import missing
from analysis.paper.solved import counts
from analysis.tables import Column, Missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.paper.content import Content, Place
    from analysis.paper.settings import View
    from analysis.stats import Estimate
    from analysis.tables import Entry

SAMPLES: Final = 8  # of a prompt, as in the paper, where no run tells
OVER_PROMPTS: Final = (
    "In this table ± is half the 95 % interval of the mean over prompts, and n is the number of prompts: the held-out "
    "problems of the tier, answered before training. All seeds share these problems and their sampling, so that seeds "
    "add nothing."
)
NO_TIER: Final = "No outcomes of the tier: held-out benchmarks are no tier (`make difficulty` asks a model the tiers)."


@dataclass(frozen=True, slots=True)
class SolvedCounts:
    """A row a cell, a column for each number of right samples; what varies is the prompt, not the seed."""

    def content(self, views: Sequence[View]) -> Content:
        """The table's columns and rows."""
        axes = label_axes(views)
        found = [(place, counts(place.setting.source, place.cell)) for place in places(views)]
        most = max((len(shares) - 1 for _, shares in found if shares), default=SAMPLES)
        columns = [
            Column(f"{right} right", f"{right} of {most}", "side" if right else "score", 2) for right in range(most + 1)
        ]
        lines = [Line((*label_entries(axes, place), *_shares(place, shares, most))) for place, shares in found]
        gone = any(not shares and place.setting.source.runs(place.cell) for place, shares in found)
        return content(
            (*label_columns(axes), *columns), (NO_NUMBER,), lines, OVER_PROMPTS, *((NO_TIER,) if gone else ())
        )


def _shares(place: Place, shares: Sequence[Estimate], most: int) -> list[Entry]:
    if shares:
        return [*shares, *[Missing()] * (most + 1 - len(shares))]
    source = place.setting.source
    return [
        Missing("no outcomes here") if source.runs(place.cell) else missing(source, place.cell),
        *[Missing()] * most,
    ]
