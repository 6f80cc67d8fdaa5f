"""From an entry of a table to the id of its lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.frame import scores
from analysis.inference.contrast import contrasts
from analysis.render import TEXT
from analysis.stats import Estimate
from harness.records import CONTROL, OFF

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from analysis.report.anchors import Trace
    from analysis.tables import Column, Entry
    from harness.records import Study

_GAP: Final = " difference"  # the end of the key of a column of differences


class Links:
    """The lineage of a study's numbers."""

    def __init__(self, study: Study, taken: pd.DataFrame, trace: Trace) -> None:
        ran = scores(taken, study.metric).keys()
        self._study = study
        self._back = {contrast.arm: contrast.baseline for contrast in contrasts(study, ran)}
        self._known = {str(name) for name in taken}
        self._ran = set(taken["cell"])
        self._trace = trace

    def cell(self, labels: Mapping[str, str]) -> int | None:
        """The one cell with these labels that has a run; None where there is none, or more than one.

        Controls are apart, unless a label names one.
        """
        own = {axis: label for axis, label in labels.items() if axis in self._study.axes and label}
        wanted = {**({CONTROL: OFF} if CONTROL in self._study.axes else {}), **own}
        if not own and len(self._study.cells) > 1:
            return None
        found = [cell for cell, point in enumerate(self._study.cells) if wanted.items() <= point.items()]
        return found[0] if len(found) == 1 and found[0] in self._ran else None

    def source(self, entry: Entry, column: Column, cell: int) -> str:
        """The id behind an entry of the row of a cell; empty for words."""
        if column.kind in TEXT or not isinstance(entry, Estimate):
            return ""
        name = column.key.removesuffix(_GAP)
        if name not in self._known:  # made of curves, or of several scores
            return self._trace.cell(cell)
        if column.kind == "gap":
            return self._trace.gap(cell, self._back[cell], name) if cell in self._back else ""
        return self._trace.score(cell, name)
