"""Render a table as Markdown, CSV, LaTeX or text for a terminal, and write result files."""

from __future__ import annotations

import csv
import re
from collections import Counter
from io import StringIO
from itertools import groupby
from textwrap import fill, shorten
from typing import TYPE_CHECKING, Final

from analysis.stats import Estimate, format_gap, format_score
from analysis.tables.scores import FAILED
from harness.common import atomic_write
from harness.tracking import explain_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from analysis.tables.scores import Column, Entry, ResultTable


def write_result(path: Path, content: bytes) -> Path:
    """Write ``content`` to ``path`` atomically and return the path.

    Raises StoreError, which names the file, on failure. The old file then remains.
    """
    with explain_errors(str(path)):
        return atomic_write(path, content)


TEXT: Final = ("label", "mark", "word")  # column kinds that hold words
SINGLE: Final = (*TEXT, "number")  # column kinds with one field in a CSV file
_LATEX: Final = {
    **{sign: rf"\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "—": "---",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "≈": r"$\approx$",
    "␣": r"\textvisiblespace{}",
    "⏎": r"$\hookleftarrow$",
}


def render_markdown(table: ResultTable) -> str:
    """Return the table as Markdown, with aligned columns in the source."""
    texts = [[_plain(text) for text in row] for row in _texts(table)]
    widths = [max(len(row[place]) for row in texts) for place in range(len(table.columns))]
    right = [column.kind not in TEXT for column in table.columns]
    rule = ["-" * (width - 1) + (":" if numbers else "-") for width, numbers in zip(widths, right, strict=True)]
    lines = [_markdown_line(row, widths, right) for row in (texts[0], rule, *texts[1:])]
    warning = [f"**{table.warning}**"] if table.warning else []
    above = [f"# {table.title}", *warning, *table.lead]
    return "\n\n".join((*above, "\n".join(lines), "\n".join(f"- {note}" for note in table.notes))) + "\n"


def render_latex(table: ResultTable) -> str:
    r"""Return the table as a LaTeX ``table`` environment with its notes.

    It needs the package booktabs and is read with ``\input``.
    """
    titles, *rows = ([_latex(text) for text in row] for row in _texts(table))
    caption = " ".join(_latex(text) for text in (f"{table.title}.", table.warning, *table.lead) if text)
    body = [" & ".join(row) + r" \\" for row in rows]
    lines = (
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        r"\centering\small",
        rf"\caption{{{caption}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{''.join('l' if column.kind in TEXT else 'r' for column in table.columns)}}}",
        r"\toprule",
        " & ".join(titles) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\smallskip{{\footnotesize {_latex(note)}}}" for note in table.notes),
        r"\end{table}",
    )
    return "\n".join(lines) + "\n"


def render_csv(table: ResultTable) -> str:
    """Return the table as CSV, with one column per number and six significant digits.

    A missing number is an empty field.
    """
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*(name for column in table.columns for name in _names(column)), "note"])
    for row in table.rows:
        fields = [field for entry, column in zip(row, table.columns, strict=True) for field in _fields(entry, column)]
        writer.writerow([*fields, "; ".join(_remarks(row, table.columns))])
    return out.getvalue()


def _texts(table: ResultTable) -> Iterator[list[str]]:
    yield [column.title for column in table.columns]
    for row in table.rows:
        seeds = next(
            (e.n for e, c in zip(row, table.columns, strict=True) if c.kind == "score" and isinstance(e, Estimate)), 0
        )
        yield [format_entry(entry, column, seeds) for entry, column in zip(row, table.columns, strict=True)]


def format_entry(entry: Entry, column: Column, seeds: int = 0) -> str:
    """Return an entry as text.

    Args:
        entry: Words, a mean over seeds, or a missing score.
        column: Its column.
        seeds: Number of seeds of the row's score. A secondary score shows its own number only if it differs.

    """
    if isinstance(entry, str):
        return entry
    if not isinstance(entry, Estimate):
        return f"— {entry.reason}" if entry.reason else "—"
    if column.kind == "gap":
        return format_gap(entry, column.digits)
    return format_score(entry, column.digits, count=column.kind == "score" or entry.n != seeds)


def _plain(text: str) -> str:
    """Return the text with Markdown's special characters escaped."""
    escaped = re.sub(r"\\(?=[!-/:-@\[-`{-~])", r"\\\\", text)
    return re.sub(r"<(?=[A-Za-z/!])", "&lt;", escaped).replace("|", "\\|")


def _markdown_line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = (
        text.rjust(width) if numbers else text.ljust(width)
        for text, width, numbers in zip(row, widths, right, strict=True)
    )
    return f"| {' | '.join(cells)} |"


def _latex(text: str) -> str:
    escaped = "".join(_LATEX.get(sign, sign) for sign in text)
    return re.sub(r"(?<![\w.$-])([+-]\d[\d.]*)", r"$\1$", escaped)  # a minus, not a hyphen


def _names(column: Column) -> tuple[str, ...]:
    if column.kind in SINGLE:
        return (column.key,)
    if column.kind == "gap":
        return column.key, f"{column.key} low", f"{column.key} high", f"{column.key} pairs"
    return column.key, f"{column.key} half-width", f"{column.key} n"


def _fields(entry: Entry, column: Column) -> tuple[str, ...]:
    if column.kind in SINGLE:
        return (entry if isinstance(entry, str) else "",)
    if not isinstance(entry, Estimate):
        return ("",) * len(_names(column))
    bounds = entry.interval if column.kind == "gap" else (entry.half_width,)
    return f"{entry.mean:.6g}", *(f"{bound:.6g}" if entry.n > 1 else "" for bound in bounds), str(entry.n)


def _remarks(row: Sequence[Entry], columns: Sequence[Column]) -> Iterator[str]:
    for entry, column in zip(row, columns, strict=True):
        if isinstance(entry, str) and column.kind not in SINGLE:
            yield entry
        elif not isinstance(entry, str | Estimate) and entry.reason:
            yield f"{entry.reason}: {entry.detail}" if entry.detail else entry.reason


SUMMARY_WIDTH: Final = 60  # columns
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
    lines = [fill(line, SUMMARY_WIDTH) for line in (table.title, table.warning, table.lead[0]) if line]
    lines += ["", fill(f"{what}; paired difference to the baseline" if len(numbers) > 1 else what, SUMMARY_WIDTH)]
    for setting, rows in groupby(table.rows, key=lambda row: _named(row, settings)):
        lines += [fill(setting, SUMMARY_WIDTH)] if setting else []
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
    return [
        fill(f"failed seeds (worst outcome in verdicts; numbers are of the others): {'; '.join(texts)}", SUMMARY_WIDTH)
    ]


def _idle(table: ResultTable) -> list[str]:
    """Return a line with the tricks that never fired and their number of rows, or nothing."""
    marks = [place for place, column in enumerate(table.columns) if column.kind == "mark" and column.key != FAILED]
    counts = Counter(name for row in table.rows for place in marks for name in str(row[place]).split(", ") if name)
    texts = [f"{name} in {count} row{'s' * (count > 1)}" for name, count in sorted(counts.items())]
    return [fill(f"never fired: {', '.join(texts)}", SUMMARY_WIDTH)] if texts else []


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
