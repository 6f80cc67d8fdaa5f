"""Pages of documentation and their parts: files, tables, code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent


class Fence(NamedTuple):
    """A fenced block of code with its language, in the order of the page."""

    language: str
    text: str


def pages() -> list[Path]:
    """README.md, CONTRIBUTING.md, results/README.md and every page below docs/."""
    root = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "results/README.md")]
    return [*root, *sorted((ROOT / "docs").rglob("*.md"))]


def fences(text: str) -> list[Fence]:
    """The fenced blocks of a page."""
    return [Fence(*found) for found in re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, flags=re.MULTILINE | re.DOTALL)]


def table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Its lines: titles, rule, rows."""
    for row in (titles, ("---",) * len(titles), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), '; ') for cell in row)} |"


def code(text: str) -> str:
    """The text as code, or nothing where there is none."""
    return f"`{text}`" if text else ""
