"""Check a trick from the command line."""

from __future__ import annotations

from importlib import import_module

from tricks.api import TrickError, TrickSpec
from tricks.catalog import find_trick
from tricks.conformance import CLAUSES, find_violations


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
