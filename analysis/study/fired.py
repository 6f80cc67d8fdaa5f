"""Tricks that never changed an update in any finished run of a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.study.frame import read_scores
from analysis.study.layout import name_cell
from harness.common.text import join_limited
from harness.records.record import FIRED_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from harness.records.record import Study


def find_never_fired(taken: pd.DataFrame) -> dict[int, tuple[str, ...]]:
    """Return, by cell, its tricks that fired in no run; other cells are left out."""
    found: dict[int, list[str]] = {}
    for column in sorted(str(column) for column in taken if str(column).startswith(FIRED_PREFIX)):
        for cell, by_seed in read_scores(taken, column).items():
            if not any(by_seed.values()):
                found.setdefault(cell, []).append(column.removeprefix(FIRED_PREFIX))
    return {cell: tuple(names) for cell, names in sorted(found.items())}


def list_fired_notes(study: Study, taken: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    """Yield a note that names the tricks that never fired, and their cells.

    Args:
        study: The study.
        taken: Its runs (``frame.select_planned``).
        axes: The axes that name a cell.

    """
    cells: dict[str, list[int]] = {}
    for cell, names in find_never_fired(taken).items():
        for trick in names:
            cells.setdefault(trick, []).append(cell)
    if cells:
        texts = [f"{trick} in {_where(study, taken, trick, found, axes)}" for trick, found in sorted(cells.items())]
        yield f"Never fired, so that without it every update would have been the same: {join_limited(texts)}."


def _where(study: Study, taken: pd.DataFrame, trick: str, cells: Sequence[int], axes: Sequence[str]) -> str:
    """Return the names of the cells, or a remark that all cells with the trick are meant."""
    having = len(read_scores(taken, f"{FIRED_PREFIX}{trick}"))
    if 1 < len(cells) == having:
        return f"all {having} rows that have it"
    return f"({join_limited([name_cell(axes, study.cells[cell]) for cell in cells])})"
