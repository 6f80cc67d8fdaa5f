"""Ids of the page: where a link leads to. Made of places, never of text that a run has written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.records import Study


def anchors(studies: Sequence[Study]) -> tuple[str, ...]:
    """One id a study, all different, of letters, digits and hyphens alone. Ids inside a study add a dot to it."""
    found: list[str] = []
    for study in studies:
        found.append(_free(slug(f"{study.name}-{study.profile}"), found))
    return tuple(found)


def in_order(studies: Sequence[Study]) -> list[Study]:
    """By name, numbers inside it by their size: ``p2`` before ``p10``."""
    return sorted(studies, key=lambda study: (_parts(study.name), study.profile))


def slug(text: str) -> str:
    """``norm_ablation.laptop`` as ``norm-ablation-laptop``; begins with a letter."""
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


class Trace:
    """Collects which numbers a study's part of the page shows, so that lineage has an entry for each."""

    def __init__(self, anchor: str) -> None:
        self.anchor = anchor
        self.scores: dict[int, dict[str, str]] = {}  # cell -> score -> id
        self.gaps: dict[int, dict[tuple[int, str], str]] = {}  # cell -> (its baseline, score) -> id

    def cell(self, cell: int) -> str:
        """The id of a cell's entry."""
        return f"{self.anchor}.c{cell}"

    def score(self, cell: int, name: str) -> str:
        """The id of the runs behind a cell's score."""
        of_cell = self.scores.setdefault(cell, {})
        return of_cell.setdefault(name, f"{self.cell(cell)}.{len(of_cell)}")

    def gap(self, cell: int, baseline: int, name: str) -> str:
        """The id of the seeds behind a difference; both scores get an entry too."""
        self.score(cell, name)
        self.score(baseline, name)
        of_cell = self.gaps.setdefault(cell, {})
        return of_cell.setdefault((baseline, name), f"{self.cell(cell)}.d{len(of_cell)}")
