"""The options of a framework by release: names and defaults, from ``options/NAME.json``.

Each option has spans ``[first, last, default]`` of releases, both included; ``last`` is null for the newest.
The files are written from the released packages by ``python -m tools.peers options NAME``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent / "options"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All options of a framework's training configuration."""

    framework: str
    releases: tuple[str, ...]  # in order
    spans: Mapping[str, tuple[tuple[str, str | None, Any], ...]]

    def defaults(self, release: str) -> dict[str, Any]:
        """Return the default of every option that the release has, by name."""
        at = self.releases.index(release)
        return {
            name: default
            for name, spans in self.spans.items()
            for first, last, default in spans
            if self._index(first) <= at <= (len(self.releases) - 1 if last is None else self._index(last))
        }

    def exists(self, name: str) -> str:
        """Return the words for the releases that have an option, such as ``0.16.0 to 1.5.1``; "" for none."""
        spans = self.spans.get(name, ())
        merged: list[list[str | None]] = []
        for first, last, _ in spans:
            if merged and merged[-1][1] is not None and self._index(first) == self._index(str(merged[-1][1])) + 1:
                merged[-1][1] = last
            else:
                merged.append([first, last])
        return " and ".join(f"from {first} on" if last is None else f"{first} to {last}" for first, last in merged)

    def _index(self, release: str) -> int:
        return self.releases.index(release)


@cache
def load_options(framework: str) -> Catalogue:
    """Return the options of a framework. Raises FileNotFoundError for a name that has no file."""
    found = json.loads((FOLDER / f"{framework}.json").read_text())
    spans = {
        name: tuple((first, last, default) for first, last, default in rows) for name, rows in found["options"].items()
    }
    return Catalogue(found["framework"], tuple(found["releases"]), spans)
