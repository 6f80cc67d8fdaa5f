"""Read the options in effect as tricks with settings, and as the counts and limits of the loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tricks.frameworks.spelling import Loop, Match, Take, fulfilled

if TYPE_CHECKING:
    from tricks.dialects import Dialect
    from tricks.frameworks.effective import Effective
    from tricks.frameworks.spelling import Framework, Part, Spelling


@dataclass(frozen=True, slots=True)
class Origin:
    """The options that decide a trick or one of its settings."""

    trick: str
    setting: str  # "" for the choice of the trick itself
    options: tuple[tuple[str, Any], ...]  # names and values


@dataclass(frozen=True, slots=True)
class Found:
    """A configuration as tricks and loop."""

    tricks: Mapping[str, Mapping[str, Any]]
    origins: tuple[Origin, ...]
    lacking: tuple[str, ...]  # sentences on choices that no trick computes
    notes: tuple[str, ...]  # remarks of the spellings
    loop: Loop
    in_rule: frozenset[str]  # options that decide tricks
    in_loop: frozenset[str]  # options that decide the loop


def read_options(framework: Framework, dialect: Dialect, effective: Effective) -> Found:
    """Read the options in effect.

    Args:
        framework: The table of the framework.
        dialect: Its dialect, which knows the order of the releases.
        effective: The options.

    Returns:
        The tricks and the loop. A choice that no spelling fits is named in ``lacking`` and adds no trick.

    """
    tricks: dict[str, dict[str, Any]] = {}
    origins: list[Origin] = []
    lacking: list[str] = []
    notes: list[str] = []
    effective.values.asked.clear()
    for part in framework.parts:
        spelling = _fitting(part, dialect, effective)
        if spelling is None:
            lacking.append(_unfit(part, dialect, effective))
            continue
        if spelling.not_modeled:
            lacking.append(f"{part.name}: {spelling.not_modeled} ({_words(spelling, effective)})")
        notes += [f"{part.name}: {spelling.note}"] * bool(spelling.note)
        tricks |= _settings(spelling, effective)
        origins += _origins(spelling, effective)
    in_rule = frozenset(effective.values.asked)
    effective.values.asked.clear()
    loop = read_loop(framework, dialect, effective)
    return Found(tricks, tuple(origins), tuple(lacking), tuple(notes), loop, in_rule, frozenset(effective.values.asked))


def read_loop(framework: Framework, dialect: Dialect, effective: Effective) -> Loop:
    """Return the counts and limits of the loop as far as the configuration decides them."""
    simple = {
        keep.key: keep.take.value(effective.values)
        for keep in framework.keeps
        if dialect.holds(keep, effective.release)
    }
    found = simple | dict(framework.counts.read(effective.values))
    return {key: value for key, value in found.items() if value is not None}


def spellings_of(part: Part, dialect: Dialect, release: str) -> tuple[Spelling, ...]:
    """Return the spellings of a part that hold for a release."""
    return tuple(spelling for spelling in part.spellings if dialect.holds(spelling, release))


def _fitting(part: Part, dialect: Dialect, effective: Effective) -> Spelling | None:
    rows = spellings_of(part, dialect, effective.release)
    return next((row for row in rows if fulfilled(row.options, effective.values)), None)


def _settings(spelling: Spelling, effective: Effective) -> dict[str, dict[str, Any]]:
    return {
        trick: {
            key: value.value(effective.values) if isinstance(value, Take) else value for key, value in settings.items()
        }
        for trick, settings in spelling.tricks.items()
    }


def _origins(spelling: Spelling, effective: Effective) -> list[Origin]:
    selected = tuple((name, effective.values.get(name)) for name in spelling.options)
    taken = [
        Origin(trick, key, tuple((name, effective.values.get(name)) for name in _decisive(take, effective)))
        for (trick, key), take in spelling.takes().items()
    ]
    return [Origin(trick, "", selected) for trick in spelling.tricks] + taken


def _decisive(take: Take, effective: Effective) -> tuple[str, ...]:
    given = effective.values.get(take.option)
    return (take.option, take.or_else) if given is None and take.or_else else (take.option,)


def _words(spelling: Spelling, effective: Effective) -> str:
    return ", ".join(f"{name}={effective.values.get(name)!r}" for name in spelling.options)


def _unfit(part: Part, dialect: Dialect, effective: Effective) -> str:
    names = list(dict.fromkeys(name for row in spellings_of(part, dialect, effective.release) for name in row.options))
    given = ", ".join(f"{name}={effective.values.get(name)!r}" for name in names)
    known = [
        " with ".join(
            f"{name}={wanted.words if isinstance(wanted, Match) else wanted}" for name, wanted in row.options.items()
        )
        for row in spellings_of(part, dialect, effective.release)
    ]
    return f"{part.name}: no known choice has {given}; known: {'; '.join(known) or 'none'}"
