"""The same tricks as a framework computes them, or a refusal that says why it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any

from tricks.api import CLOSED, TrickError
from tricks.settings import written

if TYPE_CHECKING:
    from tricks.dialects.dialect import Dialect, Refusal, Rewrite, Variant

Parts = Mapping[str, Any]  # tricks by name, and fillers by the name of the closed hook that they take


def translate(dialect: Dialect, parts: Parts) -> dict[str, Any]:
    """The parts in the dialect, under the same names.

    Raises TrickError naming trick, setting and way out for what the framework cannot express. A filler whose hook a
    trick takes is translated too, for the rule without that trick, and stays as it is where the framework lacks it.
    """
    chosen = dict(parts)
    for rewrite in dialect.rewrites:
        chosen |= _rewritten(rewrite, chosen)
    company = _in_effect(chosen)
    waiting = {name: _waiting(dialect, name, part, company) for name, part in chosen.items() if name not in company}
    return waiting | {name: _translated(dialect, name, part, company) for name, part in company.items()}


def _in_effect(parts: Parts) -> dict[str, Any]:
    tricks = [part for name, part in parts.items() if name not in CLOSED]
    taken = {hook for hook in CLOSED if any(hasattr(part, hook) for part in tricks)}
    return {name: part for name, part in parts.items() if name not in taken}


def _rewritten(rewrite: Rewrite, parts: Parts) -> dict[str, Any]:
    company = _in_effect(parts)
    if not rewrite.applies(company.values()):
        return {}
    names = (
        [rewrite.hook] if rewrite.filler else [name for name, part in company.items() if hasattr(part, rewrite.hook)]
    )
    return {name: rewrite.becomes for name in names if name in company}


def _waiting(dialect: Dialect, hook: str, filler: Any, company: Parts) -> Any:
    """A filler as it would be without the trick that takes its hook."""
    others = [part for part in company.values() if not hasattr(part, hook)] + [filler]
    row = _row(dialect, filler, others)
    if row is None or _refusal(dialect, filler, others) is not None:
        return filler
    return _settled(dialect, hook, filler, row)


def _translated(dialect: Dialect, name: str, part: Any, company: Parts) -> Any:
    if (refusal := _refusal(dialect, part, company.values())) is not None:
        raise TrickError(_refused(dialect, name, refusal))
    if (row := _row(dialect, part, company.values())) is None:
        raise TrickError(_unmatched(dialect, name, part))
    return _settled(dialect, name, part, row)


def _refusal(dialect: Dialect, part: Any, company: Iterable[Any]) -> Refusal | None:
    return next((refusal for refusal in dialect.refusals if refusal.fits(part, company)), None)


def _row(dialect: Dialect, part: Any, company: Iterable[Any]) -> Variant | None:
    return next((row for row in dialect.variants if row.fits(part, company)), None)


def _settled(dialect: Dialect, name: str, part: Any, row: Variant) -> Any:
    settings = {known.name: _setting(dialect, name, part, known, row) for known in fields(part)}
    return (row.becomes or type(part))(**settings)


def _setting(dialect: Dialect, name: str, part: Any, setting: Field[Any], row: Variant) -> Any:
    """The framework's value of a setting, or the user's where it is free."""
    key, given = setting.name, getattr(part, setting.name)
    plain = key in row.when or given == setting.default
    if key in row.then:
        fixed = row.then[key]
        if plain or given == fixed:
            return fixed
        if key not in row.free:
            raise TrickError(
                f"{name}.{key}: {dialect.name} fixes {written(fixed)} ({row.where}), got {written(given)}; {_out(key)}"
            )
    elif not plain and key not in row.free:
        raise TrickError(
            f"{name}.{key}: {dialect.name} has no such choice ({row.where}), got {written(given)}; {_out(key)}"
        )
    return given


def _refused(dialect: Dialect, name: str, refusal: Refusal) -> str:
    where = f" ({refusal.where})" if refusal.where else ""
    instead = refusal.instead or f"leave {name} out"
    return f"{name}: {dialect.name} {refusal.because}{where}; {instead}, or leave emulate out"


def _unmatched(dialect: Dialect, name: str, part: Any) -> str:
    rows = [row for row in dialect.variants if row.cls is type(part)]
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
