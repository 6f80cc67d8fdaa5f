"""Write a rule and a loop as the options of a framework; what is written reads back as the same rule."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from tricks.api import TrickError
from tricks.catalog import find_trick
from tricks.dialects import build_rule, find_dialect
from tricks.frameworks.catalogue import load_options
from tricks.frameworks.effective import resolve_options
from tricks.frameworks.explanation import EMPTY, setup_of
from tricks.frameworks.reading import read_options, spellings_of
from tricks.frameworks.spelling import LOOP, Match, Piece, Take, equal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tricks.dialects import Dialect
    from tricks.frameworks.spelling import Framework, Loop, Part, Spelling
    from tricks.rule import UpdateRule

_TRIES: Final = 2_000  # combinations of spellings that are read back before the rule is refused
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Line:
    """One option to write, with the reason for it."""

    name: str
    value: Any
    why: str


@dataclass(frozen=True, slots=True)
class Export:
    """A rule and a loop as a framework's options."""

    framework: str
    release: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...]  # what an option cannot hold, such as the number of processes


def export_rule(framework: Framework, rule: UpdateRule, loop: Loop, release: str = "") -> Export:
    """Write a rule for a framework.

    Args:
        framework: The table of the framework.
        rule: The rule as the framework computes it at the release: built with ``emulate=NAME@RELEASE``.
        loop: Settings of the loop by the keys of ``LOOP``; they have to be kept for the same training.
        release: A known release; "" for the newest.

    Returns:
        The options, each with its reason. Reading them gives the rule and the loop again.

    Raises:
        TrickError: No options of the release stand for a trick of the rule; the message names it and the way out.

    """
    dialect = find_dialect(f"{framework.name}@{release}" if release else framework.name)
    _refuse_in_code(framework, rule)
    fillers = [filler for hook, filler in rule.fillers.items() if not _taken(hook, rule)]
    choices = [_candidates(part, dialect, [*fillers, *rule.tricks.values()], fillers) for part in framework.parts]
    for chosen in _limited(product(*choices)):
        lines = _lines(framework, dialect, chosen, loop)
        if _reads_back(framework, dialect, lines, rule):
            return Export(framework.name, dialect.release, lines, tuple(_lost(framework, dialect, lines, loop)))
    raise TrickError(_unspelled(framework, dialect, choices, rule))


def _taken(hook: str, rule: UpdateRule) -> bool:
    """Return True if a trick takes the hook."""
    return any(hasattr(trick, hook) for trick in rule.tricks.values())


def _limited(combinations: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    yield from (chosen for chosen, _ in zip(combinations, range(_TRIES), strict=False))


Chosen = tuple["Spelling", "Mapping[tuple[str, str], Any]"]  # a spelling and the values of its Takes


def _candidates(part: Part, dialect: Dialect, tricks: Sequence[Any], fillers: Sequence[Any]) -> list[Chosen]:
    """Return the spellings of a part that may stand for the tricks that it covers; none where one is not covered.

    A filler needs no words: a row may leave it out.
    """
    rows = [row for row in spellings_of(part, dialect, dialect.release) if row.written and not row.not_modeled]
    covered = {find_trick(name).cls for row in rows for name in row.tricks}
    own = [trick for trick in tricks if any(isinstance(trick, cls) for cls in covered)]
    found = []
    for row in rows:
        solved = _solved(row, own)
        if solved is not None and all(any(each is filler for filler in fillers) for each in solved[1]):
            found.append((row, solved[0]))
    return found


def _solved(row: Spelling, own: Sequence[Any]) -> tuple[Mapping[tuple[str, str], Any], list[Any]] | None:
    """Return the settings that the row takes from options and the tricks that it leaves out.

    None where the row is about other tricks.
    """
    values: dict[tuple[str, str], Any] = {}
    left = list(own)
    for name, settings in row.tricks.items():
        spec = find_trick(name)
        trick = next(
            (each for each in left if isinstance(each, spec.cls) and _agrees(each, spec.settings, settings)), None
        )
        if trick is None:
            return None
        left.remove(trick)
        values |= {(name, key): getattr(trick, key, None) for key, value in settings.items() if isinstance(value, Take)}
    return values, left


def _agrees(trick: Any, implied: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Return True if a trick has the constants of a row; settings that the framework fixes are compared later."""
    choosing = {key: value for key, value in implied.items() if key in ("mean", "std", "scope")} | {
        key: value for key, value in settings.items() if not isinstance(value, Take)
    }
    return all(equal(getattr(trick, key, value), value) for key, value in choosing.items())


def _lines(framework: Framework, dialect: Dialect, chosen: Sequence[Chosen], loop: Loop) -> tuple[Line, ...]:
    defaults = load_options(framework.name).defaults(dialect.release)
    found: dict[str, Line] = {}
    for part, (row, values) in zip(framework.parts, chosen, strict=True):
        for line in _spelled(part.name, row, values, loop):
            if line.name in defaults:
                found[line.name] = line
    for name, value, key in _looped(framework, dialect, loop, defaults):
        if name in defaults:
            found.setdefault(name, Line(name, value, f"keep: {LOOP[key]}" if key else "keep: counts of the loop"))
    return tuple(found.values())


def _spelled(part: str, row: Spelling, values: Mapping[tuple[str, str], Any], loop: Loop) -> Iterator[Line]:
    """Yield the options of one spelling; those of Takes have the value of the setting."""
    tricks = " and ".join(row.tricks) or f"no {part}"
    why = f"{tricks}{f': {row.note}' if row.note else ''}"
    taken = row.takes()
    for name, wanted in row.options.items():
        if not any(take.option == name for take in taken.values()):
            yield Line(name, wanted.written if isinstance(wanted, Match) else wanted, why)
    pieces: dict[str, list[Piece]] = {}
    for (trick, key), take in taken.items():
        value = take.written(values[trick, key], loop)
        if isinstance(value, Piece):
            pieces.setdefault(take.option, []).append(value)
        else:
            yield Line(take.option, value, f"{trick}.{key}")
    for name, found in pieces.items():
        numbers = [piece.value for piece in sorted(found, key=lambda piece: piece.index)]
        word = found[0].between
        yield Line(name, word.join(map(str, numbers)) if word else numbers, why)


def _looped(
    framework: Framework, dialect: Dialect, loop: Loop, defaults: Mapping[str, Any]
) -> Iterator[tuple[str, Any, str]]:
    for keep in framework.keeps:
        if keep.key in loop and dialect.holds(keep, dialect.release):
            yield keep.take.option, keep.take.write(loop[keep.key]), keep.key
    for name, value in framework.counts.write(loop, defaults).items():
        yield name, value, ""


@dataclass(frozen=True, slots=True)
class _Option:
    name: str
    value: Any
    place: str = "written here"


def _reads_back(framework: Framework, dialect: Dialect, lines: Sequence[Line], rule: UpdateRule) -> bool:
    """Return True if the options are read as the same rule."""
    given = [_Option(line.name, line.value) for line in lines]
    effective = resolve_options(framework, load_options(framework.name), dialect.release, given)
    found = read_options(framework, dialect, effective)
    if found.reasons or found.unread:
        return False
    try:
        read = build_rule(EMPTY, found.tricks, dialect.spelled, setup_of(found.loop))
    except TrickError:
        return False
    return read.settings() == rule.settings()


def _lost(framework: Framework, dialect: Dialect, lines: Sequence[Line], loop: Loop) -> Iterator[str]:
    """Yield what has to be kept and no option of the framework says."""
    given = [_Option(line.name, line.value) for line in lines]
    effective = resolve_options(framework, load_options(framework.name), dialect.release, given)
    read = read_options(framework, dialect, effective).loop
    for key, value in loop.items():
        if key in LOOP and not equal(read.get(key, _ABSENT), value):
            yield f"{key} ({LOOP[key]}): keep {value}; the written options say {read.get(key, 'nothing')}"


def _refuse_in_code(framework: Framework, rule: UpdateRule) -> None:
    for name in rule.tricks:
        if name in framework.in_code:
            raise TrickError(
                f"{name}: {framework.title} has no option for it, but {framework.in_code[name]}; "
                f"add it there, and leave {name} out here with tricks.{name}=null"
            )


def _unspelled(framework: Framework, dialect: Dialect, choices: Sequence[Sequence[Chosen]], rule: UpdateRule) -> str:
    lacking = [part.name for part, rows in zip(framework.parts, choices, strict=True) if not rows]
    place = " and ".join(lacking) or "the rule"
    settings = "; ".join(f"{hook}: {' + '.join(tricks)}" for hook, tricks in rule.settings().items())
    return (
        f"{place}: no options of {dialect.spelled} stand for this choice ({settings}); "
        f"liteppo explain --framework {framework.name} shows what its defaults compute"
    )
