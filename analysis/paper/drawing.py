"""Draw a figure of the paper: parts from top to bottom, settings as rows."""

from __future__ import annotations

from dataclasses import replace
from textwrap import fill
from typing import TYPE_CHECKING, Final

from matplotlib import figure as mpl_figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.figures.study import SAVED, WIDTH, render_figure
from analysis.study.layout import find_warning

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.artist import Artist
    from matplotlib.figure import SubFigure

    from analysis.paper.figure import PaperFigure
    from analysis.paper.layout import PanelColumn, View
    from harness.records.record import Study

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
