"""The files of the paper's tables and figures: those whose studies have runs in the store."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

from analysis.frame import runs_frame
from analysis.output import write
from analysis.paper.numbers import readings
from analysis.paper.registry import FIGURES, views
from analysis.paper.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from analysis.paper.figure import Figure
    from analysis.paper.settings import View
    from harness.records import Study
    from harness.store import Store


def write_tables(store: Store, studies: Sequence[Study], results: Path) -> Iterator[Path]:
    """Write the tables that these studies feed: Markdown, CSV and LaTeX."""
    from analysis.paper.table import paper_table  # noqa: PLC0415
    from analysis.render import comma_separated, latex, markdown  # noqa: PLC0415

    for figure, found in _found(store, studies, results):
        table = paper_table(figure, found)
        for ending, render in (("md", markdown), ("csv", comma_separated), ("tex", latex)):
            yield write(results / "tables" / f"{table.name}.{ending}", render(table).encode())


def write_figures(store: Store, studies: Sequence[Study], results: Path) -> Iterator[Path]:
    """Write the figures that these studies feed: SVG and PNG."""
    from analysis.paper.drawing import draw  # noqa: PLC0415 - matplotlib, a second

    for figure, found in _found(store, studies, results):
        profile = found[0].settings[0].source.study.profile
        for ending, content in draw(figure, found).items():
            yield write(results / "figures" / f"{figure.id}.{profile}.{ending}", content)


def _found(store: Store, studies: Sequence[Study], results: Path) -> Iterator[tuple[Figure, tuple[View, ...]]]:
    """By profile: each figure with what the studies have of it."""
    wanted = {name for figure in FIGURES for name in figure.grids}
    by_profile: dict[str, list[Study]] = defaultdict(list)
    for study in studies:
        if study.name in wanted:
            by_profile[study.profile].append(study)
    for _, members in sorted(by_profile.items()):
        sources = [source for study in members if len((source := _source(store, study, results)).taken)]
        for figure in FIGURES if sources else ():
            if found := views(figure, sources, readings()):
                yield figure, found


def _source(store: Store, study: Study, results: Path) -> Source:
    runs = runs_frame(store.records(study.name))
    return Source.of(study, runs, partial(store.history, study.name), results / "runs")
