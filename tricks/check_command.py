"""``python -m tricks check``: a trick of the catalog, or one that is still in somebody's module."""

from __future__ import annotations

from importlib import import_module

from tricks.api import TrickError, TrickSpec
from tricks.catalog import find
from tricks.testing import violations


def named(name: str) -> TrickSpec:
    """The trick of that name, or the one at MODULE:ATTRIBUTE. Raises TrickError where there is none."""
    module, colon, attribute = name.partition(":")
    if not colon:
        return find(name)
    try:
        spec = getattr(import_module(module), attribute)
    except (ImportError, ValueError, AttributeError) as error:
        raise TrickError(f"{name}: cannot be imported ({error}); give MODULE:ATTRIBUTE as Python imports it") from None
    if not isinstance(spec, TrickSpec):
        raise TrickError(f"{name} is a {type(spec).__name__}, expected a TrickSpec")
    return spec


def violated(spec: TrickSpec) -> list[str]:
    """One line for each clause of the contract that the trick breaks."""
    return [f"{spec.name}: {found.clause}: {found.message}" for found in violations(spec)]
