"""The catalog for a terminal: tricks, presets and dialects, each with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tricks.catalog import BUILT_IN_TRICKS, load_catalog
from tricks.dialects.registry import DIALECTS
from tricks.packages import list_packages
from tricks.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tricks.api import TrickSpec

_INDENT = 24


def list_catalog() -> Iterator[str]:
    """Yield the lines of every trick, preset and dialect; tricks of other packages are marked.

    Raises TrickError where an installed package offers a malformed trick.
    """
    specs, foreign = load_catalog(), list_packages()
    yield f"tricks ({len(BUILT_IN_TRICKS)} of this project, {len(specs) - len(BUILT_IN_TRICKS)} foreign)"
    for spec in specs.values():
        yield from _trick(spec, foreign)
    yield "\npresets"
    for preset in PRESETS.values():
        yield _entry(preset.name, preset.summary)
        yield from _facts({"tricks": ", ".join(preset.tricks), "source": preset.source})
    yield "\ndialects (emulate=NAME)"
    for dialect in DIALECTS.values():
        yield _entry(dialect.name, f"{dialect.repository} at {dialect.commit}")
    yield "\npython -m harness preset=liteppo +tricks.NAME={} emulate=trl runs them; see docs/reference/tricks.md"


def _trick(spec: TrickSpec, foreign: Mapping[str, str]) -> Iterator[str]:
    package = foreign.get(spec.name, "")
    yield _entry(spec.name, spec.summary + (f"  (foreign: {package})" if package else ""))
    settings = ", ".join(f"{key}={value}" for key, value in spec.settings.items())
    yield from _facts({"hook": ", ".join(spec.hooks), "settings": settings, "source": spec.source, "package": package})


def _entry(name: str, summary: str) -> str:
    return f"  {name:{_INDENT - 3}} {summary}"


def _facts(facts: Mapping[str, str]) -> Iterator[str]:
    return (f"{'':{_INDENT - 1}} {title:9} {fact}" for title, fact in facts.items() if fact)
