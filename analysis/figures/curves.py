"""The figure of a study's curves: accuracy over steps and over sampled response tokens."""

from __future__ import annotations

from statistics import fmean
from textwrap import fill
from typing import TYPE_CHECKING, Final

from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from analysis.curves.bands import ON_POLICY, Band
from analysis.curves.equal_cost import read_learning_curves
from analysis.figures.study import WIDTH, assign_styles, draw_bands, group_by_setting, render_figure, title
from analysis.study.frame import select_planned
from analysis.tables.notes import note_failed_seeds

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes

    from analysis.curves.bands import History
    from analysis.curves.equal_cost import Cost, LearningCurve, LearningCurves
    from harness.records.record import Study

ROW: Final = 2.5  # inches per setting
LEGEND: Final = (
    "On-policy accuracy (rollout/accuracy): mean over seeds; bands from the lowest to the highest seed. "
    "Left: over steps made. Right: over response tokens sampled until then, mean over seeds."
)
_PANELS: Final[tuple[tuple[Cost, str], ...]] = (("steps", "steps made"), ("tokens", "response tokens sampled"))
_NONE: Final[Mapping[Cost, str]] = {"steps": "no finished run", "tokens": "tokens not counted"}


def draw_curves(study: Study, runs: pd.DataFrame, history: History) -> dict[str, bytes]:
    """Return the figure of a study's curves by file ending; equal runs give equal bytes.

    Args:
        study: The study.
        runs: The runs of its experiment (``frame.build_runs_frame``).
        history: Metric -> run id -> curve.

    """
    taken = select_planned(runs, study)
    found = read_learning_curves(study, taken, history)
    legend = " ".join((LEGEND, *note_failed_seeds(study, taken)))
    return render_figure(study, lambda: _figure(study, found, legend))


def _figure(study: Study, found: LearningCurves, legend: str) -> Figure:
    cells = group_by_setting(study)
    arms = assign_styles(cells)
    figure = Figure(figsize=(WIDTH, ROW * len(cells) + 1.6), layout="constrained")
    axes = figure.subplots(len(cells), 2, squeeze=False, sharex="col", sharey=True)
    for row, (setting, members) in zip(axes, cells.items(), strict=True):
        row[0].set_title(setting, loc="left")
        row[0].set_ylabel(ON_POLICY)
        for panel, (kind, _) in zip(row, _PANELS, strict=True):
            bands = [(arms[arm], band) for arm, cell in members.items() if (band := _band(found.get(cell, {}), kind))]
            draw_bands(panel, bands)
            if not bands:
                _say(panel, _NONE[kind])
    for panel, (_, label) in zip(axes[-1], _PANELS, strict=True):
        panel.set_xlabel(label)
    axes[-1][0].xaxis.get_major_locator().set_params(integer=True)
    axes[-1][1].xaxis.set_major_formatter(EngFormatter(sep=""))
    handles = {line.get_label(): line for panel in axes[:, 0] for line in panel.get_lines()}
    if handles:
        figure.legend(handles.values(), handles.keys(), loc="outside right upper", fontsize=8)
    figure.suptitle(title(study), fontsize=10, ha="left", x=0.01)
    figure.supxlabel(fill(legend, 130), fontsize=7.5, ha="left", x=0.01)
    return figure


def _say(panel: Axes, text: str) -> None:
    panel.text(0.5, 0.5, text, transform=panel.transAxes, ha="center", va="center", color="#555555")


def _band(by_seed: Mapping[int, LearningCurve], kind: Cost) -> Band | None:
    """Return the band over the mean cost of each step; None if a seed lacks the cost."""
    points: dict[int, list[tuple[float, float]]] = {}
    for course in by_seed.values():
        if (cost := course.cost(kind)) is None:
            return None
        for step, spent, accuracy in zip(course.steps, cost, course.accuracy, strict=True):
            points.setdefault(int(step), []).append((float(spent), float(accuracy)))
    if not points:
        return None
    x = tuple(fmean(spent for spent, _ in points[step]) for step in sorted(points))
    values = [[accuracy for _, accuracy in points[step]] for step in sorted(points)]
    return Band(x, tuple(map(fmean, values)), tuple(map(min, values)), tuple(map(max, values)))
