"""Panels of curves, final scores and bars, ours and the paper's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
from matplotlib.colors import to_hex

from analysis.curves import ENOUGH, ON_POLICY
from analysis.figures import NOTHING, draw_bands, draw_ends
from analysis.paper.figure import LegendKey, PanelColumn
from analysis.paper.measures import ABSENT, explain_missing_run, list_benchmarks, start_outcomes
from analysis.paper.numbers import BENCHMARKS, MEAN_OF_SIX
from analysis.stats import Estimate, estimate_mean
from harness.records import Evaluation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from matplotlib.axes import Axes

    from analysis.figures import FigureArm
    from analysis.paper.figure import Setting, View
    from analysis.paper.numbers import Reading
    from analysis.study_data import StudyData


HELD_OUT: Final = "eval/accuracy"
NO_CURVE: Final = "no curve in the store"
LINES: Final = "Lines: mean over seeds; bands from the lowest to the highest seed."
DOTS: Final = "Dots: seeds; marker and bar: their mean and its 95 % Student t interval."


@dataclass(frozen=True, slots=True)
class Curves:
    """A step metric over steps, one line per arm."""

    metric: str
    title: str

    def strips(self, view: View) -> tuple[PanelColumn, ...]:
        """Return one column."""
        return (PanelColumn(self.title, partial(_draw_curves, view, self.metric), beneath="step", told=LINES),)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Accuracy over steps, with one column per benchmark."""

    def strips(self, view: View) -> tuple[PanelColumn, ...]:
        """Return one column per benchmark of the runs, or one in total if there is only one."""
        names = list(dict.fromkeys(name for setting in view.settings for name in list_benchmarks(setting.source)))
        if len(names) < 2:
            metric = accuracy_metric(view)
            title = "held-out accuracy" if metric == HELD_OUT else "accuracy in training"
            return (PanelColumn(title, partial(_draw_curves, view, metric), beneath="step", told=LINES),)
        return tuple(
            PanelColumn(
                BENCHMARKS.get(name, name),
                partial(_draw_curves, view, f"eval/{name}/accuracy"),
                width=2.0,
                beneath="step",
                told=LINES,
            )
            for name in names
        )


@dataclass(frozen=True, slots=True)
class Ends:
    """A score at the end of training: seeds as dots, mean and interval."""

    score: str
    title: str

    def strips(self, view: View) -> tuple[PanelColumn, ...]:
        """Return one column."""
        return (PanelColumn(self.title, partial(_draw_ends, view, self.score), 2.4, named=True, told=DOTS),)


def accuracy_metric(view: View) -> str:
    """Return the metric of held-out accuracy, or of on-policy accuracy.

    On-policy accuracy is used if a setting with runs has no held-out curve.
    """
    longest = [
        max((len(curve) for curve in setting.source.history(HELD_OUT).values()), default=0)
        for setting in view.settings
        if setting.ran
    ]
    return HELD_OUT if longest and min(longest) >= ENOUGH else ON_POLICY


def draw_blank(axes: Axes, why: str) -> None:
    """Show a text in a panel without data."""
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color="#555555")
    axes.set_xticks([])
    axes.set_yticks([])


def _draw_curves(view: View, metric: str, axes: Axes, setting: Setting) -> None:
    found = setting.source.bands(metric)
    arms = [(view.looks[arm], found[cell]) for arm, cell in setting.arms.items() if cell in found]
    draw_bands(axes, arms)
    if not arms:
        draw_blank(axes, NO_CURVE if setting.ran else NOTHING)


def _draw_ends(view: View, score: str, axes: Axes, setting: Setting) -> None:
    source = setting.source
    ends = {
        arm: list(source.values(cell, score).values())
        or ("—" if source.run_ids(cell) else explain_missing_run(source, cell)[0])
        for arm, cell in setting.arms.items()
    }
    draw_ends(axes, [view.looks[arm] for arm in ends], ends)


NO_NUMBER: Final = "no number in the paper"
GROUND: Final = "Grey ground: the paper's own numbers, of its own models."
_GREY: Final = "#f2f2f2"


@dataclass(frozen=True, slots=True)
class PaperPoints:
    """The paper's accuracies by benchmark: final values filled, best ones hollow."""

    def strips(self, view: View) -> tuple[PanelColumn, ...]:
        """Return one column."""
        return (PanelColumn("the paper, %: final filled, best hollow", partial(self._draw, view), told=GROUND),)

    def _draw(self, view: View, axes: Axes, setting: Setting) -> None:
        titles = (*BENCHMARKS.values(), MEAN_OF_SIX)
        shade_ground(axes, (view.reading(setting, "final", arm, name) for name in titles for arm in view.looks))
        names = [name for name in titles if any(True for _ in self._points(view, setting, name))]
        for place, name in enumerate(names):
            for arm, shift, face, value in self._points(view, setting, name):
                axes.plot(place + shift, value, color=arm.color, marker=arm.marker, markersize=5, markerfacecolor=face)
        if not names:
            draw_blank(axes, NO_NUMBER)
            return
        axes.set_xticks(range(len(names)), [name.replace(" of ", "\nof ") for name in names], rotation=35, fontsize=7)
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.set_ylim(bottom=0)
        axes.margins(y=0.1)

    def _points(self, view: View, setting: Setting, benchmark: str) -> Iterator[tuple[FigureArm, float, str, float]]:
        for place, (name, arm) in enumerate(view.looks.items()):
            shift = 0.18 * (place - (len(view.looks) - 1) / 2)
            for quantity, face in (("peak", "white"), ("final", arm.color)):
                value = read_number(view.reading(setting, quantity, name, benchmark))
                if value is not None:
                    yield arm, shift, face, value


@dataclass(frozen=True, slots=True)
class PaperEnds:
    """The paper's mean final accuracy over its six benchmarks, one row per arm."""

    def strips(self, view: View) -> tuple[PanelColumn, ...]:
        """Return one column."""
        title = "the paper, %: mean of its six benchmarks"
        return (PanelColumn(title, partial(self._draw, view), 2.4, named=True, told=GROUND),)

    def _draw(self, view: View, axes: Axes, setting: Setting) -> None:
        readings = {arm: view.reading(setting, "final", arm, MEAN_OF_SIX) for arm in setting.arms}
        shade_ground(axes, readings.values())
        found = {arm: read_number(reading) for arm, reading in readings.items()}
        if all(value is None for value in found.values()):
            draw_blank(axes, NO_NUMBER)
            return
        for place, (arm, value) in enumerate(found.items()):
            look = view.looks[arm]
            if value is None:
                axes.text(0.02, place, "—", transform=axes.get_yaxis_transform(), va="center", color="#555555")
            else:
                axes.plot(value, place, color=look.color, marker=look.marker, markersize=5)
                axes.annotate(f"{value:g}", (value, place), (5, 3), textcoords="offset points", fontsize=7.5)
        axes.set_yticks(range(len(found)), list(found))
        axes.set_ylim(len(found) - 0.4, -0.6)
        axes.margins(x=0.15)


def shade_ground(axes: Axes, found: Iterable[Reading | None]) -> None:
    """Shade a panel of the paper's numbers, and name the paper's model and data."""
    axes.set_facecolor(_GREY)
    of = [f"{reading.model}, {reading.data or 'data not named'}" for reading in found if reading]
    axes.text(
        0.99, 0.99, of[0] if of else "", transform=axes.transAxes, ha="right", va="top", fontsize=7, color="#444444"
    )


def read_number(reading: Reading | None) -> float | None:
    """Return the paper's number as a float; None for a range or without a number."""
    return float(reading.value) if reading and reading.value else None


TIER: Final = "arithmetic"  # the benchmark whose problems come from the training tier


def share_by_correct(source: StudyData, cell: int) -> tuple[Estimate, ...]:
    """Return the shares of prompts with 0, 1, ... k correct samples.

    Each is an estimate over prompts. The result is empty if no run left its outcomes.
    """
    outcomes = start_outcomes(source, cell)
    if outcomes is None or TIER not in set(outcomes["benchmark"]):
        return ()
    right = Evaluation.of(outcomes[outcomes["benchmark"] == TIER]).right
    solved = right.sum(axis=1)
    found = (estimate_mean((solved == number).astype(float).tolist()) for number in range(right.shape[1] + 1))
    return tuple(share for share in found if share is not None)


BINS: Final = ("0-0.3", "0.3-0.6", "0.6-0.85", "0.85-0.95", "0.95-0.99", "0.99-1")
MEANS: Final = "Bars: mean over seeds; their intervals are in the table."
SEEDS: Final = "All seeds share these prompts and their sampling."
_PROBABILITY: Final = "probability of the sampled token"


@dataclass(frozen=True, slots=True)
class Bins:
    """Shares of sampled tokens by their probability: ours and the paper's."""

    def strips(self, view: View) -> tuple[PanelColumn, ...]:
        """Return two columns: ours and the paper's."""
        key = arms_key(view)
        return (
            PanelColumn(
                "ours, last five steps: % of tokens", partial(self._draw_ours, view), told=MEANS, beneath=_PROBABILITY
            ),
            PanelColumn(
                "the paper: % of tokens", partial(self._draw_paper, view), told=GROUND, beneath=_PROBABILITY, key=key
            ),
        )

    def _draw_ours(self, view: View, axes: Axes, setting: Setting) -> None:
        shares = {
            arm: [estimate_mean(setting.source.values(cell, f"train/probability/{name}").values()) for name in BINS]
            for arm, cell in setting.arms.items()
        }
        found = {arm: row for arm, row in shares.items() if any(row)}
        _bars(axes, view, {arm: [100 * share.mean if share else None for share in row] for arm, row in found.items()})
        if not found:
            draw_blank(axes, NOTHING)

    def _draw_paper(self, view: View, axes: Axes, setting: Setting) -> None:
        readings = {arm: [view.reading(setting, f"probability/{name}", arm) for name in BINS] for arm in setting.arms}
        shade_ground(axes, (reading for row in readings.values() for reading in row))
        found = {arm: [read_number(reading) for reading in row] for arm, row in readings.items() if any(row)}
        _bars(axes, view, found)
        if not found:
            draw_blank(axes, NO_NUMBER)


def _bars(axes: Axes, view: View, heights: Mapping[str, Sequence[float | None]]) -> None:
    width = 0.8 / max(len(heights), 1)
    for place, (arm, row) in enumerate(heights.items()):
        left = [bin_ + (place - (len(heights) - 1) / 2) * width for bin_, value in enumerate(row) if value is not None]
        known = [value for value in row if value is not None]
        bars = axes.bar(left, known, width, color=view.looks[arm].color, label=arm)
        axes.bar_label(bars, fmt="%.1f", fontsize=6.5, padding=1, rotation=90 if len(heights) > 2 else 0)
        for bin_ in (bin_ for bin_, value in enumerate(row) if value is None):
            axes.text(bin_, 0, "—", ha="center", va="bottom", color="#555555")
    axes.set_xticks(range(len(BINS)), BINS, fontsize=7.5)
    axes.set_xlim(-0.6, len(BINS) - 0.4)
    axes.margins(y=0.16)
    axes.grid(visible=False, axis="x")


@dataclass(frozen=True, slots=True)
class Solved:
    """Shares of prompts by number of correct samples, one bar per arm."""

    def strips(self, view: View) -> tuple[PanelColumn, ...]:
        """Return one column."""
        found = (share_by_correct(setting.source, cell) for setting in view.settings for cell in setting.arms.values())
        most = max(map(len, found)) - 1
        colors = {str(right): _shade(right, most) for right in range(most + 1)}
        key = LegendKey(f"samples right, of {most}", colors) if colors else None
        return (
            PanelColumn(
                "share of held-out prompts, before training",
                partial(self._draw, most),
                width=5.5,
                named=True,
                key=key,
                told=SEEDS,
            ),
        )

    def _draw(self, most: int, axes: Axes, setting: Setting) -> None:
        found = {
            arm: shares for arm, cell in setting.arms.items() if (shares := share_by_correct(setting.source, cell))
        }
        if not found:
            draw_blank(axes, ABSENT if setting.ran else NOTHING)
            return
        for right in range(most + 1):
            heights = [shares[right].mean if right < len(shares) else 0.0 for shares in found.values()]
            below = [sum(share.mean for share in shares[:right]) for shares in found.values()]
            axes.barh(range(len(found)), heights, 0.7, below, color=_shade(right, most))
        axes.set_yticks(range(len(found)), [f"{arm}, {shares[0].n} prompts" for arm, shares in found.items()])
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.grid(visible=False)


def _shade(right: int, most: int) -> str:
    return to_hex(mpl.colormaps["viridis"](right / max(most, 1)))


def arms_key(view: View) -> LegendKey:
    """Return a legend of the arms as patches."""
    return LegendKey(", ".join(view.axes), {name: arm.color for name, arm in view.looks.items()})
