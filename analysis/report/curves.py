"""Learning curves of the report as SVG, in panels, and as data for its script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import TYPE_CHECKING, Any, Final

from analysis.curves import ENOUGH, ON_POLICY, Band, choose_curve_metric, compute_bands
from analysis.study import find_baselines, find_varied_axes, format_labels, select_finished
from harness.records import CONTROL_AXIS, CONTROL_OFF

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import pandas as pd

    from analysis.curves import History
    from harness.records import Study
    from harness.tracking import Curve


ARMS: Final = 5  # arms per panel; more are hard to distinguish
COLORS: Final = 7  # colors of arms; baselines have another one
DASHES: Final = 4


@dataclass(frozen=True, slots=True)
class PanelArm:
    """A cell in a panel. Its color and dash depend on its name and are the same in all panels."""

    cell: int
    name: str
    color: int  # 0: a baseline
    dash: int


@dataclass(frozen=True, slots=True)
class PanelGroup:
    """A panel: its setting in words, and its arms with the baseline first."""

    title: str
    arms: tuple[PanelArm, ...]
    control: bool = False


def group_arms(study: Study, ran: Collection[int]) -> tuple[PanelGroup, ...]:
    """Return the panels of a study for cells in ``ran``, in grid order.

    Panels without an arm are left out.
    """
    back = find_baselines(study)
    names = {cell: _arm(study, cell) for cell in range(len(study.cells))}
    plain = [cell for cell, labels in enumerate(study.cells) if labels.get(CONTROL_AXIS, CONTROL_OFF) == CONTROL_OFF]
    looks = _looks([names[cell] for cell in plain if back.get(cell) != cell])
    found: list[PanelGroup] = []
    for title, cells in _settings(study).items():
        bases = [cell for cell in cells if back.get(cell) == cell]
        first = [PanelArm(cell, names[cell], 0, 0) for cell in bases if cell in ran]
        rest = [PanelArm(cell, names[cell], *looks[names[cell]]) for cell in cells if cell not in bases and cell in ran]
        found += [PanelGroup(title, (*first, *part)) for part in _parts(rest) if (*first, *part)]
    return (*found, *_controls(study, ran, back, names))


def _settings(study: Study) -> dict[str, list[int]]:
    """Return the cells of each setting, without controls."""
    inside = [
        axis for axis in find_varied_axes(study, study.cells) if axis not in study.baseline and axis != CONTROL_AXIS
    ]
    outside = inside if study.baseline else []
    settings: dict[str, list[int]] = {}
    for cell, labels in enumerate(study.cells):
        if labels.get(CONTROL_AXIS, CONTROL_OFF) == CONTROL_OFF:
            settings.setdefault(format_labels({axis: labels[axis] for axis in outside}), []).append(cell)
    return settings


def _controls(
    study: Study, ran: Collection[int], back: Mapping[int, int], names: Mapping[int, str]
) -> Iterator[PanelGroup]:
    """Yield one panel per control, with the cell that it should differ from."""
    axes = [axis for axis in find_varied_axes(study, study.cells) if axis != CONTROL_AXIS]
    for cell, labels in enumerate(study.cells):
        if labels.get(CONTROL_AXIS, CONTROL_OFF) != CONTROL_OFF and cell in ran:
            base = [PanelArm(back[cell], names[back[cell]], 0, 0)] if back.get(cell) in ran else []
            where = format_labels({axis: labels[axis] for axis in axes})
            title = f"control {labels[CONTROL_AXIS]}: {where}" if where else f"control {labels[CONTROL_AXIS]}"
            yield PanelGroup(title, (*base, PanelArm(cell, labels[CONTROL_AXIS], 1, 1)), control=True)


def _arm(study: Study, cell: int) -> str:
    """Return the labels of a cell on the baseline's axes, or on all varied axes without one."""
    axes = [axis for axis in find_varied_axes(study, study.cells) if axis != CONTROL_AXIS]
    chosen = [axis for axis in axes if axis in study.baseline] or axes
    return ", ".join(study.cells[cell][axis] for axis in chosen) or study.name


def _looks(names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return the color and dash of each name. The first 28 names have distinct pairs."""
    distinct = dict.fromkeys(names)
    return {name: (1 + place % COLORS, (place + place // COLORS) % DASHES) for place, name in enumerate(distinct)}


def _parts(arms: Sequence[PanelArm]) -> Iterator[Sequence[PanelArm]]:
    """Return the arms, spread evenly over as few panels as possible; one part without arms."""
    count = max(1, ceil(len(arms) / ARMS))
    size = max(1, ceil(len(arms) / count))
    return (arms[start : start + size] for start in range(0, max(len(arms), 1), size))


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear map of values ``low`` to ``high`` to positions ``start`` to ``end`` (SVG units)."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the position of a value, rounded to 0.1; outside values map to the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, about: int) -> tuple[float, ...]:
        """Return round numbers between low and high; ``about`` is their approximate count."""
        step = _round((self.high - self.low) / about)
        return tuple(
            round(k * step, 12) for k in range(ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9) + 1)
        )


def fit_scale(values: Iterable[float], start: float, end: float, room: float = 0.04) -> Scale:
    """Return a scale that shows all finite values. Its width is never zero.

    Args:
        values: The values to show.
        start: Position of the lower end, in SVG units.
        end: Position of the upper end.
        room: Margin on each side, as a share of the range.

    """
    finite = [value for value in values if isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    width = (high - low) or abs(high) or 1.0
    return Scale(low - room * width, high + room * width, start, end)


def tick_text(value: float) -> str:
    """Format a tick in few characters: ``0.05``, ``250``, ``1.2e-05``."""
    return f"{value:.6g}"


def _round(step: float) -> float:
    """Return the nearest 1, 2 or 5 times a power of ten, by ratio."""
    power = 10.0 ** floor(log10(step))
    return min((power * factor for factor in (1, 2, 5, 10)), key=lambda round_: abs(log10(round_ / step)))


Points = tuple[tuple[float, float], ...]  # step, value

# Further curves that show how a run went.
OTHERS: Final = (ON_POLICY, "policy/entropy", "response/length", "response/truncated", "update/clip_fraction_high")
POINTS: Final = 120  # points of a curve; longer ones are thinned
WIDTH: Final = 360.0  # SVG user units of a panel
HEIGHT: Final = 216.0
LEFT: Final = 48.0
RIGHT: Final = 12.0
TOP: Final = 8.0
BOTTOM: Final = 34.0


@dataclass(frozen=True, slots=True)
class CurveRun:
    """A seed's curve as drawn."""

    run_id: str
    seed: int
    curve: Points
    path: str  # points of an SVG polyline


@dataclass(frozen=True, slots=True)
class CurveLine:
    """An arm's curve: its mean over seeds, and each seed."""

    arm: PanelArm
    curve: Points
    path: str
    end: tuple[float, float]  # position of the marker
    runs: tuple[CurveRun, ...]


@dataclass(frozen=True, slots=True)
class CurvePanel:
    """The curves of one setting."""

    title: str
    lines: tuple[CurveLine, ...]
    y: Scale
    ticks: tuple[tuple[float, str], ...]  # ticks of y


@dataclass(frozen=True, slots=True)
class CurveFigure:
    """A metric in all settings on the same axes. Controls have separate y axes."""

    metric: str
    panels: tuple[CurvePanel, ...]
    x: Scale
    ticks: tuple[tuple[float, str], ...]  # ticks of x
    controls: bool  # some panels are controls
    every: int  # one of so many steps is drawn
    data: Mapping[str, Any]  # data for the script


def build_curve_figures(study: Study, taken: pd.DataFrame, history: History) -> tuple[CurveFigure, ...]:
    """Return the figures of the metrics that finished runs logged, the deciding one first.

    Args:
        study: The study.
        taken: Its runs (``runs.select_planned``).
        history: Metric -> run id -> curve.

    """
    names = dict.fromkeys((choose_curve_metric(study, history), *OTHERS))
    drawn = (_figure(study, taken, name, history(name)) for name in names)
    return tuple(figure for figure in drawn if figure is not None)


def _figure(study: Study, taken: pd.DataFrame, metric: str, curves: Mapping[str, Curve]) -> CurveFigure | None:
    steps = sorted({step for curve in curves.values() for step, _ in curve})
    if len(steps) < ENOUGH:
        return None
    every = ceil(len(steps) / POINTS)
    kept = {*steps[::every], steps[-1]}
    thin = {run_id: tuple(point for point in curve if point[0] in kept) for run_id, curve in curves.items()}
    means, runs = compute_bands(taken, thin), _runs(taken, thin)
    x = fit_scale(map(float, steps), LEFT, WIDTH - RIGHT, room=0.0)
    shown = group_arms(study, means.keys())
    y = {kind: _span([group for group in shown if group.control == kind], runs) for kind in (False, True)}
    panels = tuple(_panel(group, means, runs, x, y[group.control]) for group in shown)
    controls = any(group.control for group in shown)
    return CurveFigure(metric, panels, x, _ticks(x, 6), controls, every, _data(metric, panels, x)) if panels else None


def _span(shown: Sequence[PanelGroup], runs: Mapping[int, Sequence[tuple[str, int, Points]]]) -> Scale:
    """Return the y axis of these panels."""
    cells = {arm.cell for group in shown for arm in group.arms}
    values = [value for cell in sorted(cells) for _, _, curve in runs[cell] for _, value in curve]
    return fit_scale(values, HEIGHT - BOTTOM, TOP)


def _runs(taken: pd.DataFrame, curves: Mapping[str, Curve]) -> dict[int, list[tuple[str, int, Points]]]:
    """Return, by cell, the run id, seed and curve of its finished runs, ordered by seed."""
    done = select_finished(taken).sort_values(["cell", "seed", "run_id"])
    found: dict[int, list[tuple[str, int, Points]]] = {}
    for cell, run_id, seed in zip(done["cell"], done["run_id"], done["seed"], strict=True):
        if curve := tuple(point for point in curves.get(run_id, ()) if isfinite(point[1])):
            found.setdefault(cell, []).append((run_id, seed, curve))
    return found


def _panel(
    group: PanelGroup,
    means: Mapping[int, Band],
    runs: Mapping[int, Sequence[tuple[str, int, Points]]],
    x: Scale,
    y: Scale,
) -> CurvePanel:
    lines = tuple(_line(arm, means[arm.cell], runs[arm.cell], x, y) for arm in group.arms)
    return CurvePanel(group.title, lines, y, _ticks(y, 5))


def _line(arm: PanelArm, mean: Band, runs: Sequence[tuple[str, int, Points]], x: Scale, y: Scale) -> CurveLine:
    curve = tuple(zip(mean.steps, mean.mean, strict=True))
    drawn = tuple(CurveRun(run_id, seed, points, _path(points, x, y)) for run_id, seed, points in runs)
    step, value = curve[-1]
    return CurveLine(arm, curve, _path(curve, x, y), (x.at(step), y.at(value)), drawn)


def _path(curve: Points, x: Scale, y: Scale) -> str:
    return " ".join(f"{x.at(step):g},{y.at(value):g}" for step, value in curve)


def _ticks(scale: Scale, about: int) -> tuple[tuple[float, str], ...]:
    return tuple((scale.at(tick), tick_text(tick)) for tick in scale.ticks(about))


def _data(metric: str, panels: Sequence[CurvePanel], x: Scale) -> dict[str, Any]:
    """Return the data of the script: the axes, and every point with its run."""
    return {
        "metric": metric,
        "x": _axis(x),
        "panels": [{"y": _axis(panel.y), "lines": [_line_data(line) for line in panel.lines]} for panel in panels],
    }


def _axis(scale: Scale) -> list[float]:
    return [scale.low, scale.high, scale.start, scale.end]


def _line_data(line: CurveLine) -> dict[str, Any]:
    runs = [{"id": run.run_id, "seed": run.seed, **_points(run.curve)} for run in line.runs]
    return {"cell": line.arm.name, "mean": _points(line.curve), "runs": runs}


def _points(curve: Points) -> dict[str, list[float]]:
    return {"steps": [step for step, _ in curve], "values": [float(f"{value:.5g}") for _, value in curve]}
