"""The same tricks as a framework computes them, or a refusal that says why it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields, replace
from typing import TYPE_CHECKING, Any

from tricks.api import CLOSED, TrickError

if TYPE_CHECKING:
    from tricks.dialects.dialect import Dialect, Refusal, Rewrite, Variant

Parts = Mapping[str, Any]  # tricks by name, and fillers by the name of the closed hook that they take


def translate(dialect: Dialect, parts: Parts) -> dict[str, Any]:
    """The parts in the dialect, under the same names. Fillers of hooks that a trick takes stay as they are.

    Raises TrickError naming trick, setting and way out for what the framework cannot express.
    """
    chosen = dict(parts)
    for rewrite in dialect.rewrites:
        chosen |= _rewritten(rewrite, chosen)
    company = _in_effect(chosen)
    return chosen | {name: _translated(dialect, name, part, company) for name, part in company.items()}


def _in_effect(parts: Parts) -> dict[str, Any]:
    tricks = [part for name, part in parts.items() if name not in CLOSED]
    taken = {hook for hook in CLOSED if any(hasattr(part, hook) for part in tricks)}
    return {name: part for name, part in parts.items() if name not in taken}


def _rewritten(rewrite: Rewrite, parts: Parts) -> dict[str, Any]:
    company = _in_effect(parts)
    if rewrite.beside and not any(pattern.matches(part) for pattern in rewrite.beside for part in company.values()):
        return {}
    names = (
        [rewrite.hook] if rewrite.filler else [name for name, part in company.items() if hasattr(part, rewrite.hook)]
    )
    return {name: rewrite.becomes for name in names if name in company}


def _translated(dialect: Dialect, name: str, part: Any, company: Parts) -> Any:
    for refusal in dialect.refusals:
        if refusal.fits(part, company.values()):
            raise TrickError(_refused(dialect, name, refusal))
    rows = [row for row in dialect.variants if row.cls is type(part)]
    row = next((row for row in rows if row.fits(part, company.values())), None)
    if row is None:
        raise TrickError(_unmatched(dialect, name, part, rows))
    settings = {setting.name: _setting(dialect, name, part, setting, row) for setting in fields(part)}
    return replace(part, **settings)


def _setting(dialect: Dialect, name: str, part: Any, setting: Field[Any], row: Variant) -> Any:
    """The framework's value of a setting, or the user's where it is free."""
    key, given = setting.name, getattr(part, setting.name)
    plain = key in row.when or given == setting.default
    if key in row.then:
        fixed = row.then[key]
        if plain or given == fixed:
            return fixed
        if key not in row.free:
            raise TrickError(f"{name}.{key}: {dialect.name} fixes {fixed!r} ({row.where}), got {given!r}; {_out(key)}")
    elif not plain and key not in row.free:
        raise TrickError(f"{name}.{key}: {dialect.name} has no such choice ({row.where}), got {given!r}; {_out(key)}")
    return given


def _refused(dialect: Dialect, name: str, refusal: Refusal) -> str:
    where = f" ({refusal.where})" if refusal.where else ""
    instead = refusal.instead or f"leave {name} out"
    return f"{name}: {dialect.name} {refusal.because}{where}; {instead}, or leave emulate out"


def _unmatched(dialect: Dialect, name: str, part: Any, rows: list[Variant]) -> str:
    options = list(dict.fromkeys(_words(row.when) for row in rows if row.when))
    if not options:
        return f"{name}: {dialect.name} has nothing that computes it; leave {name} out, or leave emulate out"
    keys = dict.fromkeys(key for row in rows for key in row.when)
    given = _words({key: getattr(part, key) for key in keys})
    return f"{name}: {dialect.name} has {' or '.join(options)}, got {given}; choose one of these, or leave emulate out"


def _words(settings: Mapping[str, Any]) -> str:
    return " with ".join(f"{key}={value}" for key, value in settings.items())


def _out(key: str) -> str:
    return f"leave {key} out, or leave emulate out"
