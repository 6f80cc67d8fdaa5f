"""Panels of curves and ends: how arms learn, and where they end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from analysis.curves import ENOUGH, ON_POLICY
from analysis.figures import NOTHING, draw_bands, draw_ends
from analysis.paper.names import BENCHMARKS
from analysis.paper.strip import Strip

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.paper.settings import Setting, View

HELD_OUT: Final = "eval/accuracy"
NO_CURVE: Final = "no curve in the store"
LINES: Final = "Lines: mean over seeds; bands from the lowest to the highest seed."
DOTS: Final = "Dots: seeds; marker and bar: their mean and its 95 % Student t interval."


@dataclass(frozen=True, slots=True)
class Curves:
    """A step metric over steps, one line an arm."""

    metric: str
    title: str

    def strips(self, view: View) -> tuple[Strip, ...]:
        """One column."""
        return (Strip(self.title, partial(_draw_curves, view, self.metric), beneath="step", told=LINES),)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Accuracy over steps: a column for each benchmark, as the paper has six."""

    def strips(self, view: View) -> tuple[Strip, ...]:
        """One column for each benchmark that runs were scored on; one for all where that is a single one."""
        names = list(dict.fromkeys(name for setting in view.settings for name in setting.source.benchmarks))
        if len(names) < 2:
            metric = accuracy_metric(view)
            title = "held-out accuracy" if metric == HELD_OUT else "accuracy in training"
            return (Strip(title, partial(_draw_curves, view, metric), beneath="step", told=LINES),)
        return tuple(
            Strip(
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
    """A score at the end: seeds as dots, mean and interval."""

    score: str
    title: str

    def strips(self, view: View) -> tuple[Strip, ...]:
        """One column."""
        return (Strip(self.title, partial(_draw_ends, view, self.score), 2.4, named=True, told=DOTS),)


def accuracy_metric(view: View) -> str:
    """Held-out accuracy, if every setting that ran has a curve of it; else that of the responses in training."""
    longest = [
        max((len(curve) for curve in setting.source.history(HELD_OUT).values()), default=0)
        for setting in view.settings
        if setting.ran
    ]
    return HELD_OUT if longest and min(longest) >= ENOUGH else ON_POLICY


def blank(axes: Axes, why: str) -> None:
    """A panel without a number says so."""
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color="#555555")
    axes.set_xticks([])
    axes.set_yticks([])


def _draw_curves(view: View, metric: str, axes: Axes, setting: Setting) -> None:
    found = setting.source.bands(metric)
    arms = [(view.looks[arm], found[cell]) for arm, cell in setting.arms.items() if cell in found]
    draw_bands(axes, arms)
    if not arms:
        blank(axes, NO_CURVE if setting.ran else NOTHING)


def _draw_ends(view: View, score: str, axes: Axes, setting: Setting) -> None:
    source = setting.source
    ends = {
        arm: list(source.values(cell, score).values()) or (source.gone(cell)[0] if not source.runs(cell) else "—")
        for arm, cell in setting.arms.items()
    }
    draw_ends(axes, [view.looks[arm] for arm in ends], ends)
