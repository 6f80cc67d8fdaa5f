"""Render a figure of the paper: the drawing, and the table of our and its numbers."""

from __future__ import annotations

from dataclasses import replace
from textwrap import fill
from typing import TYPE_CHECKING, Final

from matplotlib import figure as mpl_figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.figures import SAVED, WIDTH, render_figure
from analysis.paper.figure import list_places
from analysis.paper.numbers import note_stand_ins
from analysis.paper.rows import OVER_PROMPTS
from analysis.study import find_warning, format_labels
from analysis.tables import ResultTable, list_table_notes
from harness.common import join_limited

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from matplotlib.artist import Artist
    from matplotlib.figure import SubFigure

    from analysis.paper.figure import Content, PanelColumn, PaperFigure, View
    from analysis.study_data import StudyData
    from harness.records import Study


PAPER: Final = "arXiv:2508.08221"
_INCH: Final = 1.55  # inches per unit of a column's relative width


def draw_paper_figure(
    figure: PaperFigure, views: Sequence[View], endings: Iterable[str] = tuple(SAVED)
) -> dict[str, bytes]:
    """Return a figure of the paper by file ending; equal runs give equal bytes.

    Args:
        figure: The figure.
        views: Its parts; at least one has a setting.
        endings: File endings, "svg" or "png".

    """
    filled = [view for view in views if view.settings]
    study = filled[0].settings[0].source.study
    return render_figure(replace(study, name=figure.id), lambda: _figure(figure, filled, study), endings)


def _figure(figure: PaperFigure, views: Sequence[View], study: Study) -> mpl_figure.Figure:
    strips = [[strip for panel in view.part.panels for strip in panel.strips(view)] for view in views]
    width = max(WIDTH, *(_INCH * sum(strip.width for strip in row) for row in strips))
    heights = [len(view.settings) * view.part.height + 0.6 for view in views]
    drawn = mpl_figure.Figure(figsize=(width, sum(heights) + 1.5), layout="constrained")
    parts = drawn.subfigures(len(views), 1, height_ratios=heights, squeeze=False)
    for (part,), view, row in zip(parts, views, strips, strict=True):
        _part(part, view, row)
    told = dict.fromkeys(strip.told for row in strips for strip in row if strip.told)
    drawn.suptitle(_title(figure, study, int(width * 12)), fontsize=10, ha="left", x=0.01)
    drawn.supxlabel(fill(" ".join(told), int(width * 16)), fontsize=7.5, ha="left", x=0.01)
    return drawn


def _title(figure: PaperFigure, study: Study, signs: int) -> str:
    lines = (
        f"{figure.title} ({study.profile} profile; laid out as {figure.number} of {PAPER})",
        find_warning(study),
        f"The paper: {figure.states}",
    )
    return "\n".join(fill(line, signs) for line in lines if line)


def _part(part: SubFigure, view: View, strips: Sequence[PanelColumn]) -> None:
    widths = [strip.width for strip in strips]
    grid = part.subplots(len(view.settings), len(strips), squeeze=False, width_ratios=widths)
    for row, setting in zip(grid, view.settings, strict=True):
        for axes, strip in zip(row, strips, strict=True):
            strip.draw(axes, setting)
        row[0].set_ylabel(
            setting.name.replace(", ", ",\n") if len(setting.name) > 24 else setting.name, fontweight="bold"
        )
    for first, last, strip in zip(grid[0], grid[-1], strips, strict=True):
        first.set_title(fill(strip.title, max(24, int(13 * strip.width))), loc="left")
        last.set_xlabel(strip.beneath or last.get_xlabel())
    if view.part.title:
        part.suptitle(view.part.title, fontsize=9, fontweight="bold", ha="left", x=0.01)
    if not all(strip.named for strip in strips) or any(strip.key for strip in strips):
        _legend(part, view, strips)


def _legend(part: SubFigure, view: View, strips: Sequence[PanelColumn]) -> None:
    """Add a legend of the colors above the panels; they are the same in the whole part."""
    key = next((strip.key for strip in strips if strip.key), None)
    lines: list[Artist] = [
        Line2D([], [], color=arm.color, ls=arm.dash, marker=arm.marker, markersize=4, label=arm.name)
        for arm in view.looks.values()
    ]
    patches: list[Artist] = [Patch(color=color, label=label) for label, color in (key.colors if key else {}).items()]
    title, handles = (key.title, patches) if key else (", ".join(view.axes), lines)
    part.legend(
        handles=handles,
        title=title,
        ncols=min(len(handles), 9),
        loc="outside upper right",
        fontsize=8,
        handlelength=2.8,
    )


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
