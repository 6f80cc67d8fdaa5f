"""Clipped tokens: data, panels and tables."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, Literal

from matplotlib.font_manager import findfont, get_font

from analysis.claims import CONNECTIVES
from analysis.figures import COLORS, NOTHING
from analysis.paper.figure import (
    NO_NUMBER,
    ContentRow,
    LegendKey,
    PanelColumn,
    build_content,
    label_axes,
    label_columns,
    label_entries,
    list_places,
)
from analysis.paper.measures import ABSENT, explain_missing, read_clipped_tokens
from analysis.paper.panels import arms_key, draw_blank
from analysis.stats import Estimate, estimate_mean
from analysis.tables import Column, MissingScore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.axes import Axes

    from analysis.paper.figure import Content, Setting, TablePlace, View


Class = Literal["connective", "function word", "punctuation", "number or sign", "other"]

TOP: Final = 20  # number of tokens, as in the paper
CLASSES: Final[tuple[Class, ...]] = ("connective", "function word", "punctuation", "number or sign", "other")
# The paper names "is", "the" and the comma. The rest of the list is ours, like that of the connectives.
FUNCTION_WORDS: Final = frozenset(
    {
        *("is", "the", "a", "an", "and", "or", "of", "to", "in", "on", "for", "with", "by", "at", "from", "as", "it"),
        *("its", "this", "that", "these", "those", "be", "are", "was", "were", "has", "have", "had", "do", "does"),
        *("can", "will", "we", "i", "you", "he", "she", "they", "there", "which", "what", "not", "no", "into", "each"),
    }
)
_VISIBLE: Final = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}


@dataclass(frozen=True, slots=True)
class Clipped:
    """A clipped token, or a class of tokens, over seeds."""

    name: str  # readable form
    kind: Class
    share: Estimate  # share of all tokens clipped at the upper bound
    rate: Estimate | None  # clipped share of its occurrences in updates; None without any


def clipped_tokens(documents: Mapping[int, Mapping[str, Any]]) -> tuple[Clipped, ...]:
    """Return the tokens by their mean share over seeds, the largest first.

    ``documents`` maps each seed to the content of its ``clipped_tokens.json``.
    """
    found = _grouped(documents, lambda entry: (entry["token"], show_spaces(entry["text"]), token_class(entry["text"])))
    rows = [Clipped(name, kind, share, rate) for (_, name, kind), (share, rate) in found.items()]
    return tuple(sorted((row for row in rows if row.share.mean > 0), key=lambda row: (-row.share.mean, row.name)))


def clipped_classes(documents: Mapping[int, Mapping[str, Any]]) -> tuple[Clipped, ...]:
    """Return the classes in the order of CLASSES; those without a token are left out."""
    found = _grouped(documents, lambda entry: token_class(entry["text"]))
    return tuple(Clipped(kind, kind, *found[kind]) for kind in CLASSES if kind in found)


def clip_rate(documents: Mapping[int, Mapping[str, Any]]) -> Estimate | None:
    """Return the share of all tokens that were clipped at the upper bound; None without any."""
    return estimate_mean(each["high"] / each["occurrences"] for each in documents.values() if each["occurrences"])


def token_class(text: str) -> Class:
    """Return the class of a token, which depends only on its text."""
    word = text.strip().lower()
    if word in CONNECTIVES:
        return "connective"
    if word in FUNCTION_WORDS:
        return "function word"
    if re.fullmatch(r"[\d+\-*/=<>^%]+", word):
        return "number or sign"
    return "punctuation" if re.fullmatch(r"[^\w\\]*", word) else "other"


def show_spaces(text: str) -> str:
    """Return the text with visible spaces and line ends.

    Unprintable characters are replaced by their code points.
    """
    shown = (_VISIBLE.get(sign, sign if sign.isprintable() else f"\\u{ord(sign):04x}") for sign in text)
    return "".join(shown) or "(empty)"


def _grouped(documents: Mapping[int, Mapping[str, Any]], key: Any) -> dict[Any, tuple[Estimate, Estimate | None]]:
    """Return the share of clips and the clip rate of each key, over seeds.

    A seed without a clip has no shares.
    """
    counts: dict[Any, dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for seed, document in documents.items():
        for entry in document["tokens"]:
            counted = counts[key(entry)][seed]
            counted[0] += entry["high"]
            counted[1] += entry["occurrences"]
    totals = {seed: document["high"] for seed, document in documents.items() if document["high"]}
    return {
        name: (share, estimate_mean(high / times for high, times in by_seed.values() if times))
        for name, by_seed in counts.items()
        if (share := estimate_mean(_shares(by_seed, totals))) is not None
    }


def _shares(by_seed: Mapping[int, Sequence[int]], totals: Mapping[int, int]) -> list[float]:
    """Return the share of clips for each seed.

    A token that a seed does not list was clipped there less often than the listed ones, or never.
    """
    return [by_seed.get(seed, (0, 0))[0] / total for seed, total in totals.items()]


BARS: Final = "Bars: mean over seeds; thin lines: its 95 % Student t interval."
FONT: Final = "DejaVu Sans"  # included in matplotlib
_CLASS_COLORS: Final[dict[str, str]] = dict(zip(CLASSES, COLORS, strict=False))
_CLASS_KEY: Final = LegendKey("class of the token", _CLASS_COLORS)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The most clipped tokens with their text, one column per arm."""

    def strips(self, view: View) -> tuple[PanelColumn, ...]:
        """Return one column per arm."""
        names = ", ".join(view.axes) or "arm"
        return tuple(
            PanelColumn(
                f"{names} = {arm}: % of all clips", partial(self._draw, arm), named=True, told=BARS, key=_CLASS_KEY
            )
            for arm in view.looks
        )

    def _draw(self, arm: str, axes: Axes, setting: Setting) -> None:
        cell = setting.arms.get(arm)
        documents = {} if cell is None else read_clipped_tokens(setting.source, cell)
        rows = clipped_tokens(documents)[:TOP]
        if not rows:
            draw_blank(axes, _nothing(setting, cell, documents))
            return
        colors = [_CLASS_COLORS[row.kind] for row in rows]
        _horizontal(axes, [replace_missing_glyphs(row.name) for row in rows], [row.share for row in rows], colors)
        if rate := clip_rate(documents):
            axes.set_xlabel(f"{100 * rate.mean:.2f} % of tokens above the bound, {rate.n} seeds", fontsize=8)


@dataclass(frozen=True, slots=True)
class TokenClasses:
    """Classes of clipped tokens, one bar per arm: share of all clips and clip rate."""

    def strips(self, view: View) -> tuple[PanelColumn, ...]:
        """Return two columns: shares and rates."""
        return (
            PanelColumn("% of all clips, by class", partial(self._draw, view, "share"), told=BARS, key=arms_key(view)),
            PanelColumn("% of the class above the bound", partial(self._draw, view, "rate"), told=BARS),
        )

    def _draw(self, view: View, what: str, axes: Axes, setting: Setting) -> None:
        documents = {arm: read_clipped_tokens(setting.source, cell) for arm, cell in setting.arms.items()}
        found = {
            arm: {row.name: getattr(row, what) for row in clipped_classes(each)} for arm, each in documents.items()
        }
        kinds = [kind for kind in CLASSES if any(kind in row for row in found.values())]
        if not kinds:
            first = next(iter(setting.arms.values()), None)
            draw_blank(axes, _nothing(setting, first, next(iter(documents.values()), {})))
            return
        high = 0.8 / len(found)
        for place, (arm, row) in enumerate(found.items()):
            shift = (place - (len(found) - 1) / 2) * high
            known = [(at + shift, row[kind]) for at, kind in enumerate(kinds) if row.get(kind)]
            _horizontal_at(axes, known, high, view.looks[arm].color, arm)
        axes.set_yticks(range(len(kinds)), kinds)
        axes.set_xlim(left=0)
        axes.invert_yaxis()


def _horizontal(axes: Axes, names: Sequence[str], shares: Sequence[Estimate], colors: Sequence[str]) -> None:
    for place, (share, color) in enumerate(zip(shares, colors, strict=True)):
        _horizontal_at(axes, [(place, share)], 0.75, color)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)  # a token may be a dollar sign
    axes.set_xlim(left=0)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")


def _horizontal_at(
    axes: Axes, bars: Sequence[tuple[float, Estimate]], high: float, color: str, label: str | None = None
) -> None:
    places, widths = [place for place, _ in bars], [100 * each.mean for _, each in bars]
    errors = [100 * each.half_width if isfinite(each.half_width) else 0.0 for _, each in bars]
    axes.barh(places, widths, high, xerr=errors, color=color, label=label, error_kw={"linewidth": 0.8})


def _nothing(setting: Setting, cell: int | None, documents: Mapping[int, Mapping[str, Any]]) -> str:
    if cell is None or not setting.source.run_ids(cell):
        return NOTHING
    return "no token was clipped" if documents else ABSENT


def replace_missing_glyphs(text: str) -> str:
    """Return the text with code points in place of characters that the figure's font lacks."""
    known = get_font(findfont(FONT)).get_charmap()
    return "".join(sign if ord(sign) in known else f"\\u{ord(sign):04x}" for sign in text)


SHARE: Final = Column("share", "share of all clips at the upper bound", "score")
RATE: Final = Column("rate", "share of its own occurrences", "side", 4)
NOTES: Final = (
    "The share is of all tokens that the upper bound held back in a run, the rate of all times that an update learnt "
    "from the token. A space in a token is written as ␣, the end of a line as ⏎.",
    "Each run lists the 256 tokens that each bound held back most, of those that any did. One that it does not list "
    "counts as never held back, and is not in the rate of its class.",
)
CLASSES_NOTE: Final = (
    f"Classes go by the text of a token alone: {', '.join(CLASSES)}. The lists of words are ours (docs/paper.md)."
)


@dataclass(frozen=True, slots=True)
class TopTokens:
    """A table with one row per token: the twenty most clipped ones."""

    def content(self, views: Sequence[View]) -> Content:
        """Return the columns and rows of the table."""
        axes = label_axes(views)
        lines = [line for place in list_places(views) for line in self._lines(axes, place)]
        columns = (*label_columns(axes, "rank", "token", "class"), SHARE, RATE)
        return build_content(columns, (NO_NUMBER,), lines, *NOTES, CLASSES_NOTE)

    def _lines(self, axes: Sequence[str], place: TablePlace) -> Iterator[ContentRow]:
        documents, at = read_clipped_tokens(place.setting.source, place.cell), label_entries(axes, place)
        rows = clipped_tokens(documents)[:TOP]
        for rank, row in enumerate(rows, 1):
            yield ContentRow((*at, str(rank), row.name, row.kind, row.share, row.rate or MissingScore()))
        if not rows:
            yield ContentRow((*at, "", "", "", _token_rows_nothing(place, documents), MissingScore()))


@dataclass(frozen=True, slots=True)
class TokenClassRows:
    """A table with one row per class of tokens."""

    def content(self, views: Sequence[View]) -> Content:
        """Return the columns and rows of the table."""
        axes = label_axes(views)
        lines = [line for place in list_places(views) for line in self._lines(axes, place)]
        return build_content((*label_columns(axes, "class"), SHARE, RATE), (NO_NUMBER,), lines, *NOTES, CLASSES_NOTE)

    def _lines(self, axes: Sequence[str], place: TablePlace) -> Iterator[ContentRow]:
        documents, at = read_clipped_tokens(place.setting.source, place.cell), label_entries(axes, place)
        for row in clipped_classes(documents):
            yield ContentRow((*at, row.name, row.share, row.rate or MissingScore()))
        whole = clip_rate(documents)
        yield ContentRow(
            (
                *at,
                "all tokens",
                MissingScore() if whole else _token_rows_nothing(place, documents),
                whole or MissingScore(),
            )
        )


def _token_rows_nothing(place: TablePlace, documents: Mapping[int, Mapping[str, Any]]) -> MissingScore:
    if not place.setting.source.run_ids(place.cell):
        return explain_missing(place.setting.source, place.cell)
    return MissingScore("no token was clipped" if documents else "files of the runs not here")
