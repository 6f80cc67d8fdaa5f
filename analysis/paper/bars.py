"""Bar panels: token probabilities, and problems by number of correct samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
from matplotlib.colors import to_hex

from analysis.figures.study import NOTHING
from analysis.paper.layout import LegendKey, PanelColumn
from analysis.paper.panels import GROUND, NO_NUMBER, draw_blank, read_number, shade_ground
from analysis.paper.source import ABSENT, start_outcomes
from analysis.stats.bootstrap import Estimate, estimate_mean
from harness.records.outcomes import Evaluation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from analysis.paper.layout import Setting, View
    from analysis.study_data import StudyData


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
