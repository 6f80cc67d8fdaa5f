"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Its lines: titles, rule, rows."""
    for row in (titles, ("---",) * len(titles), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), '; ') for cell in row)} |"


def code(text: str) -> str:
    """The text as code, or nothing where there is none."""
    return f"`{text}`" if text else ""
