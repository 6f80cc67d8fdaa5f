"""A study's table for the terminal: plain text with at most 60 columns."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from textwrap import fill, shorten
from typing import TYPE_CHECKING, Final

from analysis.stats.bootstrap import Estimate
from analysis.stats.text import format_score
from analysis.tables.render import format_entry
from analysis.tables.scores import FAILED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.tables.scores import Column, Entry, ResultTable

WIDTH: Final = 60  # columns
_NAME: Final = 19  # columns of an arm's name; a longer name gets a separate line
_SCORE: Final = 18
_WORDS: Final = 34  # columns of an entry without a number


def summarize_table(table: ResultTable, baseline: Mapping[str, str]) -> str:
    """Return the score of every cell and its difference to the baseline, grouped by setting."""
    labels = [place for place, column in enumerate(table.columns) if column.kind == "label"]
    arms = [place for place in labels if table.columns[place].key in baseline] or labels
    settings = [place for place in labels if place not in arms]
    numbers = [place for place, column in enumerate(table.columns) if column.kind in {"score", "gap"}]
    what = f"{table.columns[numbers[0]].title} ± half its 95 % interval (seeds)"
    lines = [fill(line, WIDTH) for line in (table.title, table.warning, table.lead[0]) if line]
    lines += ["", fill(f"{what}; paired difference to the baseline" if len(numbers) > 1 else what, WIDTH)]
    for setting, rows in groupby(table.rows, key=lambda row: _named(row, settings)):
        lines += [fill(setting, WIDTH)] if setting else []
        lines += [
            _line(_named(row, arms), [row[place] for place in numbers], [table.columns[place] for place in numbers])
            for row in rows
        ]
    return "\n".join([*lines, *_failed(table, arms, settings), *_idle(table)])


def _failed(table: ResultTable, arms: Sequence[int], settings: Sequence[int]) -> list[str]:
    """Return a line that names the rows with failed seeds, or nothing."""
    place = next((place for place, column in enumerate(table.columns) if column.key == FAILED), None)
    if place is None:
        return []
    texts = [f"{_named(row, [*settings, *arms])} {row[place]}" for row in table.rows if row[place]]
    return [fill(f"failed seeds (worst outcome in verdicts; numbers are of the others): {'; '.join(texts)}", WIDTH)]


def _idle(table: ResultTable) -> list[str]:
    """Return a line with the tricks that never fired and their number of rows, or nothing."""
    marks = [place for place, column in enumerate(table.columns) if column.kind == "mark" and column.key != FAILED]
    counts = Counter(name for row in table.rows for place in marks for name in str(row[place]).split(", ") if name)
    texts = [f"{name} in {count} row{'s' * (count > 1)}" for name, count in sorted(counts.items())]
    return [fill(f"never fired: {', '.join(texts)}", WIDTH)] if texts else []


def _named(row: Sequence[Entry], places: Sequence[int]) -> str:
    return ", ".join(str(row[place]) for place in places)


def _line(name: str, entries: Sequence[Entry], columns: Sequence[Column]) -> str:
    texts = [_short(entry, column, entries[0]) for entry, column in zip(entries, columns, strict=True)]
    after = f"\n  {'':{_NAME}}" if len(name) > _NAME else ""
    return f"  {name:{_NAME}}{after} {texts[0]:{_SCORE}} {' '.join(texts[1:])}".rstrip()


def _short(entry: Entry, column: Column, deciding: Entry) -> str:
    if isinstance(entry, Estimate) and column.kind == "gap":
        counted = not isinstance(deciding, Estimate) or entry.n != deciding.n
        return f"{'+' if entry.mean >= 0 else ''}{format_score(entry, column.digits, count=counted)}"
    return shorten(format_entry(entry, column), _WORDS, placeholder=" …")
