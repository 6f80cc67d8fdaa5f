"""A table of the paper from our runs: our numbers, the paper's numbers, and their sources."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from analysis.paper.content import list_places
from analysis.paper.drawing import PAPER
from analysis.paper.numbers import note_stand_ins
from analysis.paper.rows import OVER_PROMPTS
from analysis.study.layout import find_warning, format_labels
from analysis.tables.notes import list_table_notes
from analysis.tables.scores import ResultTable
from harness.common.text import join_limited

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.paper.content import Content
    from analysis.paper.figure import PaperFigure
    from analysis.paper.layout import View
    from analysis.study_data import StudyData

BESIDE: Final = (
    'Columns headed "the paper" hold its own numbers as they are printed or were read off its figures, with their '
    "precision (results/paper); all others hold ours alone. A dash: no number."
)
_LEAST: Final = "Verdicts are those of the study's own table, with all its contrasts in their families."


def build_paper_table(figure: PaperFigure, views: Sequence[View]) -> ResultTable:
    """Return the table of a figure. At least one view must have a setting."""
    content, sources = figure.rows.content(views), _sources(views)
    study = sources[0].study
    return ResultTable(
        name=f"{figure.id}.{study.profile}",
        title=f"{figure.title} ({study.profile} profile; {figure.number} of {PAPER})",
        warning=find_warning(study),
        lead=tuple(_lead(figure, sources)),
        columns=content.columns,
        rows=content.rows,
        notes=tuple(dict.fromkeys(_notes(figure, views, content, sources))),
    )


def _sources(views: Sequence[View]) -> list[StudyData]:
    found = {place.setting.source.study.name: place.setting.source for place in list_places(views)}
    return list(found.values())


def _lead(figure: PaperFigure, sources: Sequence[StudyData]) -> Iterator[str]:
    yield f"The paper: {figure.states}"
    for source in sources:
        against = f"; baseline: {format_labels(source.study.baseline)}" if source.study.baseline else ""
        yield f"Ours: {source.study.name}, {source.study.question}{against}"


def _notes(figure: PaperFigure, views: Sequence[View], content: Content, sources: Sequence[StudyData]) -> Iterator[str]:
    yield BESIDE
    yield from content.notes
    yield from figure.notes
    if any(column.key == "verdict" for column in content.columns):
        yield _LEAST
    yield f"The paper does not say: {figure.silent}"
    yield from _facts(views, content)
    models = dict.fromkeys(
        place.setting.source.study.cells[place.cell].get("model", "") for place in list_places(views)
    )
    yield from filter(None, [note_stand_ins(tuple(models))])
    for source in sources:
        yield from _origin(source, views, over_prompts=OVER_PROMPTS in content.notes)


def _facts(views: Sequence[View], content: Content) -> Iterator[str]:
    """Yield notes on the numbers of the paper that have no row here."""
    left = [reading for reading in views[0].readings if reading not in content.placed]
    for reading in (each for each in left if each.quantity not in content.quantities):
        told = f"; {reading.note}" if reading.note else ""
        yield f"The paper, {reading.subject}: {reading.text} ({reading.precision}{told}; {reading.source})."
    if of := [each for each in left if each.quantity in content.quantities]:
        subjects = dict.fromkeys(", ".join(filter(None, (each.model, each.data, each.arm))) for each in of)
        yield f"Numbers of the paper without a row here: {len(of)} (results/paper), of {join_limited(list(subjects))}."


def _origin(source: StudyData, views: Sequence[View], *, over_prompts: bool) -> Iterator[str]:
    """Yield notes on our numbers: the shown cells, and the command that reproduces them."""
    shown = sorted({place.cell for place in list_places(views) if place.setting.source.study.name == source.study.name})
    taken = source.taken[source.taken["cell"].isin(shown)]
    study = replace(
        source.study,
        cells=tuple(source.study.cells[cell] for cell in shown),
        cell_ids=tuple(source.study.cell_ids[cell] for cell in shown),
        skipped=(),
        refused=(),
        twins=(),
    )
    intervals, *others = list_table_notes(study, taken.drop(columns="cell").drop_duplicates("run_id"))
    yield from (() if over_prompts else (intervals,))
    yield from others
    for choice in source.study.choices:
        yield f"Chosen here: {choice}"
