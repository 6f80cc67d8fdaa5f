"""Panels of clipped tokens, with their text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from matplotlib.font_manager import findfont, get_font

from analysis.figures import COLOURS, NOTHING
from analysis.paper.bars import arms_key
from analysis.paper.panels import blank
from analysis.paper.run_files import ABSENT, clipped
from analysis.paper.strip import Key, Strip
from analysis.paper.tokens import CLASSES, TOP, clip_rate, clipped_classes, clipped_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from analysis.paper.settings import Setting, View
    from analysis.stats import Estimate

BARS: Final = "Bars: mean over seeds; thin lines: its 95 % Student t interval."
FONT: Final = "DejaVu Sans"  # comes with matplotlib
_CLASS_COLOURS: Final[dict[str, str]] = dict(zip(CLASSES, COLOURS, strict=False))
_CLASS_KEY: Final = Key("class of the token", _CLASS_COLOURS)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that the upper bound holds back most, with their text; a column for each arm."""

    def strips(self, view: View) -> tuple[Strip, ...]:
        """One column an arm."""
        names = ", ".join(view.axes) or "arm"
        return tuple(
            Strip(f"{names} = {arm}: % of all clips", partial(self._draw, arm), named=True, told=BARS, key=_CLASS_KEY)
            for arm in view.looks
        )

    def _draw(self, arm: str, axes: Axes, setting: Setting) -> None:
        cell = setting.arms.get(arm)
        documents = {} if cell is None else clipped(setting.source, cell)
        rows = clipped_tokens(documents)[:TOP]
        if not rows:
            blank(axes, _nothing(setting, cell, documents))
            return
        colours = [_CLASS_COLOURS[row.kind] for row in rows]
        _horizontal(axes, [plain(row.name) for row in rows], [row.share for row in rows], colours)
        if rate := clip_rate(documents):
            axes.set_xlabel(f"{100 * rate.mean:.2f} % of tokens above the bound, {rate.n} seeds", fontsize=8)


@dataclass(frozen=True, slots=True)
class TokenClasses:
    """Classes of clipped tokens, a bar for each arm: their share of all clips, and how often each is clipped."""

    def strips(self, view: View) -> tuple[Strip, ...]:
        """Two columns."""
        return (
            Strip("% of all clips, by class", partial(self._draw, view, "share"), told=BARS, key=arms_key(view)),
            Strip("% of the class above the bound", partial(self._draw, view, "rate"), told=BARS),
        )

    def _draw(self, view: View, what: str, axes: Axes, setting: Setting) -> None:
        documents = {arm: clipped(setting.source, cell) for arm, cell in setting.arms.items()}
        found = {
            arm: {row.name: getattr(row, what) for row in clipped_classes(each)} for arm, each in documents.items()
        }
        kinds = [kind for kind in CLASSES if any(kind in row for row in found.values())]
        if not kinds:
            first = next(iter(setting.arms.values()), None)
            blank(axes, _nothing(setting, first, next(iter(documents.values()), {})))
            return
        high = 0.8 / len(found)
        for place, (arm, row) in enumerate(found.items()):
            shift = (place - (len(found) - 1) / 2) * high
            known = [(at + shift, row[kind]) for at, kind in enumerate(kinds) if row.get(kind)]
            _horizontal_at(axes, known, high, view.looks[arm].colour, arm)
        axes.set_yticks(range(len(kinds)), kinds)
        axes.set_xlim(left=0)
        axes.invert_yaxis()


def _horizontal(axes: Axes, names: Sequence[str], shares: Sequence[Estimate], colours: Sequence[str]) -> None:
    for place, (share, colour) in enumerate(zip(shares, colours, strict=True)):
        _horizontal_at(axes, [(place, share)], 0.75, colour)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)  # a token may be a dollar sign
    axes.set_xlim(left=0)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")


def _horizontal_at(
    axes: Axes, bars: Sequence[tuple[float, Estimate]], high: float, colour: str, label: str | None = None
) -> None:
    places, widths = [place for place, _ in bars], [100 * each.mean for _, each in bars]
    errors = [100 * each.half_width if isfinite(each.half_width) else 0.0 for _, each in bars]
    axes.barh(places, widths, high, xerr=errors, color=colour, label=label, error_kw={"linewidth": 0.8})


def _nothing(setting: Setting, cell: int | None, documents: Mapping[int, Mapping[str, Any]]) -> str:
    if cell is None or not setting.source.runs(cell):
        return NOTHING
    return "no token was clipped" if documents else ABSENT


def plain(text: str) -> str:
    """The text as the figure's font can show it: signs that it lacks by their number."""
    known = get_font(findfont(FONT)).get_charmap()
    return "".join(sign if ord(sign) in known else f"\\u{ord(sign):04x}" for sign in text)
