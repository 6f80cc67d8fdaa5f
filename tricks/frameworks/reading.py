"""Read the options in effect as tricks with settings, and as the counts and limits of the loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tricks.frameworks.counts import UNREADABLE, check_loop, is_count
from tricks.frameworks.spelling import Loop, Match, Take, equal, fulfilled

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
    reasons: tuple[str, ...]  # sentences on choices that no trick computes
    unread: tuple[str, ...]  # sentences on choices that no row has
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
        The tricks and the loop. A choice that no spelling fits is named in ``unread`` and adds no trick.

    """
    tricks: dict[str, dict[str, Any]] = {}
    origins: list[Origin] = []
    reasons: list[str] = []
    unread: list[str] = []
    notes: list[str] = []
    effective.values.asked.clear()
    for part in framework.parts:
        spelling = _fitting(part, dialect, effective)
        if spelling is None and (registered := _registered(part, dialect, effective)):
            reasons.append(registered)
            continue
        if spelling is None:
            unread.append(_unfit(part, dialect, effective))
            continue
        if spelling.not_modeled:
            reasons.append(f"{part.name}: {spelling.not_modeled} ({_words(spelling, effective)})")
        notes += [f"{part.name}: {spelling.note}"] * bool(spelling.note)
        settings, wrong = _settings(spelling, effective)
        tricks |= settings
        unread += [f"{part.name}: {sentence}" for sentence in wrong]
        origins += _origins(spelling, effective)
    in_rule = frozenset(effective.values.asked)
    effective.values.asked.clear()
    loop = read_loop(framework, dialect, effective)
    unread += check_loop(framework, dialect, effective, loop)
    loop = {key: value for key, value in loop.items() if is_count(key, value)} | _no_limit(loop)
    return Found(
        tricks=tricks,
        origins=tuple(origins),
        reasons=tuple(reasons),
        unread=tuple(unread),
        notes=tuple(notes),
        loop=loop,
        in_rule=in_rule,
        in_loop=frozenset(effective.values.asked),
    )


def read_loop(framework: Framework, dialect: Dialect, effective: Effective) -> Loop:
    """Return the counts and limits of the loop as far as the configuration decides them."""
    simple = {
        keep.key: _taken(keep.take, effective) for keep in framework.keeps if dialect.holds(keep, effective.release)
    }
    found = simple | dict(framework.counts.read(effective.values))
    return {key: value for key, value in found.items() if value is not None}


def _no_limit(loop: Loop) -> dict[str, Any]:
    """Return a top-k of 0 for -1, which samplers write for all tokens."""
    return {"top_k": 0} if equal(loop.get("top_k"), -1) else {}


def spellings_of(part: Part, dialect: Dialect, release: str) -> tuple[Spelling, ...]:
    """Return the spellings of a part that hold for a release."""
    return tuple(spelling for spelling in part.spellings if dialect.holds(spelling, release))


def _fitting(part: Part, dialect: Dialect, effective: Effective) -> Spelling | None:
    rows = spellings_of(part, dialect, effective.release)
    return next((row for row in rows if fulfilled(row.options, effective.values)), None)


def _settings(spelling: Spelling, effective: Effective) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the settings by trick, and sentences on values that are not of the option's type."""
    found: dict[str, dict[str, Any]] = {trick: {} for trick in spelling.tricks}
    wrong: list[str] = []
    for trick, settings in spelling.tricks.items():
        for key, value in settings.items():
            taken = _taken(value, effective) if isinstance(value, Take) else value
            if taken is UNREADABLE:
                wrong.append(f"{_asked(value, effective)} cannot be read as {trick}.{key}; write a number")
            else:
                found[trick][key] = taken
    return found, wrong


def _taken(take: Take, effective: Effective) -> Any:
    """Return the value of a Take; UNREADABLE where the option's value is of a type that it cannot read."""
    try:
        return take.value(effective.values)
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
        return UNREADABLE


def _asked(take: Take, effective: Effective) -> str:
    return ", ".join(f"{name}={effective.values.get(name)!r}" for name in _decisive(take, effective))


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
    """Return the sentence for a choice that no spelling has: the values, and what each option may be."""
    known = _known_values(part, dialect, effective.release)
    given = ", ".join(f"{name}={effective.values.get(name)!r}" for name in known)
    options = "; ".join(f"{name}: {', '.join(words)}" for name, words in known.items())
    quoted = [name for name in known if _is_quoted_number(effective.values.get(name))]
    way_out = f"; write {' and '.join(quoted)} as a number, without quotes" if quoted else ""
    return f"{part.name}: no known choice has {given}; known values: {options or 'none'}{way_out}"


def _is_quoted_number(value: Any) -> bool:
    """Return True for a number that is given as text."""
    if not isinstance(value, str):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True


def _registered(part: Part, dialect: Dialect, effective: Effective) -> str:
    """Return the sentence for a name that the user has registered in code, or "" where there is none."""
    for name in part.registers:
        value, known = effective.values.get(name), _known_values(part, dialect, effective.release).get(name, [])
        if isinstance(value, str) and value.lower() not in [word.lower() for word in known]:
            return (
                f"{part.name}: {name}={value!r} is none of {dialect.name}'s own ({', '.join(known)}); "
                "it is registered in the user's code, which is not read"
            )
    return ""


def _known_values(part: Part, dialect: Dialect, release: str) -> dict[str, list[str]]:
    """Return the words for the values of each option that the spellings of a part name."""
    found: dict[str, dict[str, None]] = {}
    for row in spellings_of(part, dialect, release):
        for name, wanted in row.options.items():
            words = wanted.words.split(" or ") if isinstance(wanted, Match) else [str(wanted)]
            found.setdefault(name, {}).update(dict.fromkeys(words))
    return {name: list(words) for name, words in found.items()}
