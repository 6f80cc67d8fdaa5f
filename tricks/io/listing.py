"""The catalog for a terminal, and the check of one of its tricks."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from tricks.api import TrickError, TrickSpec, list_packages
from tricks.catalog import BUILT_IN_TRICKS, find_trick, load_catalog
from tricks.conformance import CLAUSES, find_violations
from tricks.dialects import DIALECTS
from tricks.presets import PRESETS

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


def resolve_trick(name: str) -> TrickSpec:
    """Return the trick of that name, or the TrickSpec at MODULE:ATTRIBUTE.

    Raises TrickError where there is none.
    """
    module, colon, attribute = name.partition(":")
    if not colon:
        return find_trick(name)
    try:
        spec = getattr(import_module(module), attribute)
    except Exception as error:  # a foreign module may raise anything
        fact = f"{type(error).__name__}: {error}"
        raise TrickError(f"{name}: cannot be imported ({fact}); give MODULE:ATTRIBUTE as Python imports it") from None
    if not isinstance(spec, TrickSpec):
        raise TrickError(f"{name}: is a {type(spec).__name__}; name a TrickSpec")
    return spec


def report_violations(spec: TrickSpec) -> tuple[str, bool]:
    """Return the violations, one line per clause, and True if there are none."""
    broken = find_violations(spec)
    if not broken:
        return f"{spec.name} keeps the {len(CLAUSES)} clauses of the contract", True
    promises = {clause: promise for clause, (promise, _) in CLAUSES.items()}
    return "\n".join(
        f"{spec.name}: {found.message} (clause {found.clause}: {promises[found.clause]})" for found in broken
    ), False
