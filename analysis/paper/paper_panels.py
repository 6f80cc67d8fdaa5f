"""Panels of the paper's own numbers, on a ground of their own: never in a panel with ours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from analysis.paper.names import BENCHMARKS, MEAN
from analysis.paper.panels import blank
from analysis.paper.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.axes import Axes

    from analysis.figures import Arm
    from analysis.paper.numbers import Reading
    from analysis.paper.settings import Setting, View

NO_NUMBER: Final = "no number in the paper"
GROUND: Final = "Grey ground: the paper's own numbers, of its own models."
_GREY: Final = "#f2f2f2"


@dataclass(frozen=True, slots=True)
class PaperPoints:
    """Accuracies by benchmark: final values filled, best ones hollow."""

    def strips(self, view: View) -> tuple[Strip, ...]:
        """One column."""
        return (Strip("the paper, %: final filled, best hollow", partial(self._draw, view), told=GROUND),)

    def _draw(self, view: View, axes: Axes, setting: Setting) -> None:
        titles = (*BENCHMARKS.values(), MEAN)
        ground(axes, (view.reading(setting, "final", arm, name) for name in titles for arm in view.looks))
        names = [name for name in titles if any(True for _ in self._points(view, setting, name))]
        for place, name in enumerate(names):
            for arm, shift, face, value in self._points(view, setting, name):
                axes.plot(place + shift, value, color=arm.colour, marker=arm.marker, markersize=5, markerfacecolor=face)
        if not names:
            blank(axes, NO_NUMBER)
            return
        axes.set_xticks(range(len(names)), [name.replace(" of ", "\nof ") for name in names], rotation=35, fontsize=7)
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.set_ylim(bottom=0)
        axes.margins(y=0.1)

    def _points(self, view: View, setting: Setting, benchmark: str) -> Iterator[tuple[Arm, float, str, float]]:
        for place, (name, arm) in enumerate(view.looks.items()):
            shift = 0.18 * (place - (len(view.looks) - 1) / 2)
            for quantity, face in (("peak", "white"), ("final", arm.colour)):
                value = number(view.reading(setting, quantity, name, benchmark))
                if value is not None:
                    yield arm, shift, face, value


@dataclass(frozen=True, slots=True)
class PaperEnds:
    """Mean accuracy over the six benchmarks at the end, an arm a row."""

    def strips(self, view: View) -> tuple[Strip, ...]:
        """One column."""
        title = "the paper, %: mean of its six benchmarks"
        return (Strip(title, partial(self._draw, view), 2.4, named=True, told=GROUND),)

    def _draw(self, view: View, axes: Axes, setting: Setting) -> None:
        readings = {arm: view.reading(setting, "final", arm, MEAN) for arm in setting.arms}
        ground(axes, readings.values())
        found = {arm: number(reading) for arm, reading in readings.items()}
        if all(value is None for value in found.values()):
            blank(axes, NO_NUMBER)
            return
        for place, (arm, value) in enumerate(found.items()):
            look = view.looks[arm]
            if value is None:
                axes.text(0.02, place, "—", transform=axes.get_yaxis_transform(), va="center", color="#555555")
            else:
                axes.plot(value, place, color=look.colour, marker=look.marker, markersize=5)
                axes.annotate(f"{value:g}", (value, place), (5, 3), textcoords="offset points", fontsize=7.5)
        axes.set_yticks(range(len(found)), list(found))
        axes.set_ylim(len(found) - 0.4, -0.6)
        axes.margins(x=0.15)


def ground(axes: Axes, found: Iterable[Reading | None]) -> None:
    """Set the panel apart from ours, and name what the paper ran."""
    axes.set_facecolor(_GREY)
    of = [f"{reading.model}, {reading.data or 'data not named'}" for reading in found if reading]
    axes.text(
        0.99, 0.99, of[0] if of else "", transform=axes.transAxes, ha="right", va="top", fontsize=7, color="#444444"
    )


def number(reading: Reading | None) -> float | None:
    """The paper's number as a number; None for a range, and where there is none."""
    return float(reading.value) if reading and reading.value else None
