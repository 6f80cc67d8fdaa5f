"""Write the options of a framework by release: one option a line, ``[first, last, default]`` for each span."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FOLDER: Final = Path(__file__).resolve().parents[2] / "tricks/frameworks/options"
Spans = list[list[Any]]


def option_spans(releases: Sequence[str], found: Mapping[str, Mapping[str, Any]]) -> dict[str, Spans]:
    """Return the spans of every option, sorted by name; an option whose default changes has several."""
    spans: dict[str, Spans] = {}
    for place, release in enumerate(releases):
        for name, default in found[release].items():
            known = spans.setdefault(name, [])
            before = releases[place - 1] if place else None
            if known and known[-1][1] == before and _same(known[-1][2], default):
                known[-1][1] = release
            else:
                known.append([release, release, default])
    for rows in spans.values():
        if rows[-1][1] == releases[-1]:
            rows[-1][1] = None
    return dict(sorted(spans.items()))


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def write_options(framework: str, releases: Sequence[str], spans: Mapping[str, Spans]) -> Path:
    """Write the options of a framework and return the file."""
    target = FOLDER / f"{framework}.json"
    lines = [f"{json.dumps(name)}: {json.dumps(rows)}" for name, rows in spans.items()]
    head = f'{{"framework": {json.dumps(framework)}, "releases": {json.dumps(list(releases))},\n"options": {{\n'
    target.write_text(head + ",\n".join(lines) + "\n}}\n", encoding="utf-8")
    return target
