"""Anchors and lineage links of the report page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from analysis.stats import Estimate
from analysis.study import cells_of
from analysis.tables import TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.study_data import StudyData
    from analysis.tables import Column, Entry
    from harness.records import Study


def assign_anchors(studies: Sequence[Study]) -> tuple[str, ...]:
    """Return one unique id per study, of letters, digits and hyphens.

    Ids inside a study append a dot and a suffix.
    """
    found: list[str] = []
    for study in studies:
        found.append(_free(slug(f"{study.name}-{study.profile}"), found))
    return tuple(found)


def sort_studies(studies: Sequence[Study]) -> list[Study]:
    """Return the studies by name, with numbers ordered by value: ``p2`` before ``p10``."""
    return sorted(studies, key=lambda study: (_parts(study.name), study.profile))


def slug(text: str) -> str:
    """Return ``norm_ablation.laptop`` as ``norm-ablation-laptop``; it starts with a letter."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words if words[:1].isalpha() else f"s-{words}"


def _parts(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _free(name: str, taken: Sequence[str]) -> str:
    count = 2
    wanted = name
    while wanted in taken:
        wanted = f"{name}-{count}"
        count += 1
    return wanted


class TraceLink:
    """The numbers shown for a study, collected so that the lineage has an entry for each."""

    def __init__(self, anchor: str) -> None:
        self.anchor = anchor
        self.scores: dict[int, dict[str, str]] = {}  # cell -> score -> id
        self.gaps: dict[int, dict[tuple[int, str], str]] = {}  # cell -> (its baseline, score) -> id

    def cell(self, cell: int) -> str:
        """Return the id of a cell's entry."""
        return f"{self.anchor}.c{cell}"

    def score(self, cell: int, name: str) -> str:
        """Return the id of the runs behind a cell's score, and register the score."""
        of_cell = self.scores.setdefault(cell, {})
        return of_cell.setdefault(name, f"{self.cell(cell)}.{len(of_cell)}")

    def gap(self, cell: int, baseline: int, name: str) -> str:
        """Return the id of the seeds behind a difference, and register it with both scores.

        Args:
            cell: Index of the arm in ``Study.cells``.
            baseline: Index of its baseline.
            name: Name of the score.

        """
        self.score(cell, name)
        self.score(baseline, name)
        of_cell = self.gaps.setdefault(cell, {})
        return of_cell.setdefault((baseline, name), f"{self.cell(cell)}.d{len(of_cell)}")


_GAP: Final = " difference"  # key suffix of a column of differences


class Links:
    """The lineage links of a study's numbers."""

    def __init__(self, data: StudyData, trace: TraceLink) -> None:
        self._study = data.study
        self._back = {contrast.arm: contrast.baseline for contrast in data.contrasts}
        self._known = {str(name) for name in data.taken}
        self._ran = set(data.taken["cell"])
        self._trace = trace

    def cell(self, labels: Mapping[str, str]) -> int | None:
        """Return the cell with these labels that has runs; None if there is none or several.

        Controls are excluded unless a label names one.
        """
        if len(self._study.cells) > 1 and not any(labels.get(axis) for axis in self._study.axes):
            return None
        found = cells_of(self._study, labels)
        return found[0] if len(found) == 1 and found[0] in self._ran else None

    def source(self, entry: Entry, column: Column, cell: int) -> str:
        """Return the lineage id of an entry; empty for words.

        Args:
            entry: The entry.
            column: Its column.
            cell: The cell of its row.

        """
        if column.kind in TEXT or not isinstance(entry, Estimate):
            return ""
        name = column.key.removesuffix(_GAP)
        if name not in self._known:  # derived from curves or from several scores
            return self._trace.cell(cell)
        if column.kind == "gap":
            return self._trace.gap(cell, self._back[cell], name) if cell in self._back else ""
        return self._trace.score(cell, name)
