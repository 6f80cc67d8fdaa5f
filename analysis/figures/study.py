"""The figures of a study: final scores, and learning curves over steps and tokens.

An arm is a point on the baseline's axes. A setting is a point on the other axes and has one row of the figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from statistics import fmean
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from analysis.curves import ON_POLICY, Band, choose_curve_metric, compute_bands, read_learning_curves
from analysis.stats import estimate_mean, find_twins, format_twin
from analysis.study import find_varied_axes, find_warning, format_labels, read_scores, select_planned
from analysis.tables import note_failed_seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from analysis.curves import Cost, History, LearningCurve, LearningCurves
    from harness.records import Study


# The colorblind-safe palette of Okabe and Ito; markers and dashes for print.
COLORS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7A7A00")
MARKERS: Final = ("o", "s", "D", "^", "v", "P", "*", "X")
DASHES: Final = ("-", "--", "-.", ":")
NOTHING: Final = "no finished run"
WIDTH: Final = 9.0  # inches
ROW: Final = 2.5  # inches per setting
LEGEND: Final = (
    "Left: mean over seeds; bands from the lowest to the highest seed. "
    "Right: dots are seeds; marker and bar are the mean and its 95 % Student t interval over seeds."
)
SAVED: Final[Mapping[str, Mapping[str, None]]] = {
    "svg": {"Date": None},
    "png": {"Software": None},
}  # ending -> metadata to remove
_STYLE: Final[dict[Any, Any]] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}


@dataclass(frozen=True, slots=True)
class FigureArm:
    """The style of an arm, which is the same in every panel."""

    name: str
    color: str
    marker: str
    dash: str


def draw_study(study: Study, runs: pd.DataFrame, history: History) -> dict[str, bytes]:
    """Return the figure of a study by file ending; equal runs give equal bytes.

    Args:
        study: The study.
        runs: The runs of its experiment (``runs.build_runs_frame``).
        history: Metric -> run id -> curve.

    """
    return render_figure(study, lambda: _figure(study, select_planned(runs, study), history))


def render_figure(study: Study, make: Callable[[], Figure], endings: Iterable[str] = tuple(SAVED)) -> dict[str, bytes]:
    """Return a figure in the common style by file ending, without dates and with stable ids.

    Args:
        study: The study, whose name seeds the ids of the SVG file.
        make: Creates the figure.
        endings: File endings, "svg" or "png".

    """
    with mpl.rc_context({**_STYLE, "svg.hashsalt": f"{study.name}.{study.profile}"}):
        figure = make()
        return {ending: saved(figure, ending, SAVED[ending]) for ending in endings}


def saved(figure: Figure, kind: str, metadata: Mapping[str, None]) -> bytes:
    """Return a figure as the content of a file of this kind."""
    out = BytesIO()
    figure.savefig(out, format=kind, dpi=150, metadata=metadata)
    return out.getvalue()


def _figure(study: Study, taken: pd.DataFrame, history: History) -> Figure:
    cells = group_by_setting(study)
    arms = assign_styles(cells)
    figure = Figure(figsize=(WIDTH, ROW * len(cells) + 1.6), layout="constrained")
    axes = figure.subplots(len(cells), 2, squeeze=False, sharex="col", sharey="col", width_ratios=(3, 2))
    metric = choose_curve_metric(study, history)
    found = compute_bands(taken, history(metric))
    final = read_scores(taken, study.metric)
    gone = {twin.cell: format_twin(study, twin) for twin in find_twins(study).values() if study.once}
    for (left, right), (setting, row) in zip(axes, cells.items(), strict=True):
        left.set_title(setting, loc="left")
        draw_bands(left, [(arms[name], found[cell]) for name, cell in row.items() if cell in found])
        ends = {name: list(final.get(cell, {}).values()) or gone.get(cell, NOTHING) for name, cell in row.items()}
        draw_ends(right, list(arms.values()), ends)
        left.set_ylabel(metric)
    axes[-1][0].set_xlabel("step")
    axes[-1][0].xaxis.get_major_locator().set_params(integer=True)
    axes[-1][1].set_xlabel(study.metric)
    figure.suptitle(title(study), fontsize=10, ha="left", x=0.01)
    figure.supxlabel(fill(" ".join((LEGEND, *note_failed_seeds(study, taken))), 130), fontsize=7.5, ha="left", x=0.01)
    return figure


def title(study: Study) -> str:
    """Return the title of a figure: the question and, if needed, a warning."""
    lines = (f"{study.name} ({study.profile} profile): {study.question}", find_warning(study))
    return "\n".join(fill(line, 105) for line in lines if line)


def group_by_setting(study: Study) -> dict[str, dict[str, int]]:
    """Return, by setting and arm, the cell, in grid order."""
    axes = find_varied_axes(study, study.cells)
    by_arm = [axis for axis in axes if axis in study.baseline] or list(axes)
    settings: dict[str, dict[str, int]] = {}
    for cell, labels in enumerate(study.cells):
        setting = format_labels({axis: labels[axis] for axis in axes if axis not in by_arm})
        settings.setdefault(setting, {})[", ".join(labels[axis] for axis in by_arm) or study.name] = cell
    return settings


def assign_styles(cells: Mapping[str, Mapping[str, int]]) -> dict[str, FigureArm]:
    """Return the style of each arm by its position among all arms of ``group_by_setting``."""
    names = dict.fromkeys(name for row in cells.values() for name in row)
    return {
        name: FigureArm(name, COLORS[place % 8], MARKERS[place % 8], DASHES[(place + place // 8) % 4])
        for place, name in enumerate(names)
    }


def draw_bands(axes: Axes, arms: Sequence[tuple[FigureArm, Band]]) -> None:
    """Draw the mean of every arm over seeds, and the range of its seeds."""
    for arm, band in arms:
        axes.plot(band.steps, band.mean, color=arm.color, linestyle=arm.dash, linewidth=1.4, label=arm.name)
        axes.fill_between(band.steps, band.low, band.high, color=arm.color, alpha=0.15, linewidth=0)


def draw_ends(axes: Axes, arms: Sequence[FigureArm], ends: Mapping[str, list[float] | str]) -> None:
    """Draw the final scores of every arm, or the reason why there are none.

    Args:
        axes: The axes to draw on.
        arms: The arms, from top to bottom.
        ends: Arm -> scores of its seeds, or a text.

    """
    for place, arm in enumerate(arms):
        if isinstance(end := ends.get(arm.name, NOTHING), str):
            axes.text(0.02, place, end, transform=axes.get_yaxis_transform(), va="center", color="#555555")
        else:
            _draw_arm(axes, place, arm, end)
    axes.set_yticks(range(len(arms)), [arm.name for arm in arms])
    axes.set_ylim(len(arms) - 0.4, -0.6)  # the first arm on top
    for label, arm in zip(axes.get_yticklabels(), arms, strict=True):
        label.set_color(arm.color)


def _draw_arm(axes: Axes, place: int, arm: FigureArm, values: list[float]) -> None:
    if (found := estimate_mean(values)) is None:  # no finite value
        return
    axes.plot(values, [place + 0.22] * len(values), linestyle="", marker=".", markersize=4, color=arm.color, alpha=0.6)
    width = found.half_width if found.n > 1 else None
    axes.errorbar(found.mean, place, xerr=width, color=arm.color, marker=arm.marker, markersize=5, capsize=2.5)


# inches per setting
CURVES_LEGEND: Final = (
    "On-policy accuracy (rollout/accuracy): mean over seeds; bands from the lowest to the highest seed. "
    "Left: over steps made. Right: over response tokens sampled until then, mean over seeds."
)
_PANELS: Final[tuple[tuple[Cost, str], ...]] = (("steps", "steps made"), ("tokens", "response tokens sampled"))
_NONE: Final[Mapping[Cost, str]] = {"steps": "no finished run", "tokens": "tokens not counted"}


def draw_curves(study: Study, runs: pd.DataFrame, history: History) -> dict[str, bytes]:
    """Return the figure of a study's curves by file ending; equal runs give equal bytes.

    Args:
        study: The study.
        runs: The runs of its experiment (``runs.build_runs_frame``).
        history: Metric -> run id -> curve.

    """
    taken = select_planned(runs, study)
    found = read_learning_curves(study, taken, history)
    legend = " ".join((CURVES_LEGEND, *note_failed_seeds(study, taken)))
    return render_figure(study, lambda: _curves_figure(study, found, legend))


def _curves_figure(study: Study, found: LearningCurves, legend: str) -> Figure:
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
