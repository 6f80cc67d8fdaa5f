"""Explain a configuration: the rule it stands for, where each setting comes from, and the place of every option."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from tricks.api import TrickError
from tricks.batch import Setup
from tricks.dialects import RefusedRuleError, build_rule, find_dialect
from tricks.frameworks.catalogue import load_options
from tricks.frameworks.effective import Effective, GivenOption, Unknown, matches_option, resolve_options
from tricks.frameworks.reading import Found, Origin, read_options
from tricks.frameworks.spelling import Fault, Loop, equal, fulfilled
from tricks.presets import PRESETS
from tricks.rule import UpdateRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tricks.dialects import Dialect
    from tricks.frameworks.spelling import Framework

EMPTY: Final = "vanilla_ppo"  # the preset without tricks


@dataclass(frozen=True, slots=True)
class Placed:
    """An option with its value, where it comes from, and a reason where there is one."""

    name: str
    value: Any
    source: str
    because: str = ""


@dataclass(frozen=True, slots=True)
class Nearest:
    """The preset whose rule differs least from the explained one, in the dialect of the framework."""

    preset: str
    source: str  # the paper
    differs: tuple[str, ...]  # one sentence per hook; empty where the rules are equal


@dataclass(frozen=True, slots=True)
class Explanation:
    """The rule that a configuration computes, and the place of each of its options."""

    framework: str
    release: str
    tricks: Mapping[str, Mapping[str, Any]]  # over the empty preset; with ``emulate`` they are the rule
    rule: (
        UpdateRule | None
    )  # of the choices that are read; None where the framework's own choices cannot be built; ``problems`` says why
    origins: tuple[Origin, ...]
    loop: Loop
    written_loop: tuple[str, ...]  # the keys of the loop that the configuration writes out
    idle: tuple[str, ...]  # sentences on parts that cannot act in this configuration
    faults: tuple[Fault, ...]
    nearest: Nearest | None
    notes: tuple[str, ...]
    reasons: tuple[str, ...]  # choices that are known and that no trick computes
    problems: tuple[str, ...]  # why the rule is not whole; the reasons are among them
    unknown: tuple[Unknown, ...]
    not_modeled: tuple[Placed, ...]  # they change the update, and no trick computes it
    no_effect: tuple[Placed, ...]  # given options that do not change the update
    unplaced: tuple[Placed, ...]  # given options whose effect nobody has read
    effective: Effective = field(repr=False)
    in_rule: frozenset[str] = frozenset()  # options that decide the rule
    in_loop: frozenset[str] = frozenset()  # options that decide the loop

    @property
    def whole(self) -> bool:
        """True if the rule is all that the configuration computes, as far as its options say."""
        return not (self.problems or self.not_modeled or self.unknown or self.unplaced)

    @property
    def emulate(self) -> str:
        """The dialect as ``emulate`` takes it."""
        return f"{self.framework}@{self.release}"


def explain_options(framework: Framework, release: str, given: Iterable[GivenOption]) -> Explanation:
    """Explain given options at a release.

    Args:
        framework: The table of the framework.
        release: A known release; "" for the newest.
        given: The options as they were read.

    Returns:
        The explanation. Whatever cannot be expressed is named in it and raises nothing.

    Raises:
        TrickError: The release is not known.

    """
    dialect = find_dialect(f"{framework.name}@{release}" if release else framework.name)
    effective = resolve_options(framework, load_options(framework.name), dialect.release, given)
    found = read_options(framework, dialect, effective)
    rule, of_one, problem = _built(dialect, found, effective)
    not_modeled = tuple(_not_modeled(framework, effective))
    no_effect, unplaced = _rest(framework, effective, found, not_modeled)
    return Explanation(
        framework=framework.name,
        release=dialect.release,
        tricks=found.tricks,
        rule=rule,
        origins=found.origins,
        loop=found.loop,
        written_loop=tuple(_written_loop(framework, dialect, effective, found)),
        idle=tuple(_idle(framework, effective, found, rule)),
        faults=tuple(_faults(framework, dialect, effective, found.loop)),
        nearest=None if rule is None else find_nearest(rule, dialect.spelled),
        notes=(*found.notes, *effective.repeated),
        reasons=(*found.reasons, *of_one),
        problems=(*found.reasons, *of_one, *found.unread, *problem),
        unknown=effective.unknown,
        not_modeled=not_modeled,
        no_effect=no_effect,
        unplaced=unplaced,
        effective=effective,
        in_rule=found.in_rule,
        in_loop=found.in_loop,
    )


def _written_loop(framework: Framework, dialect: Dialect, effective: Effective, found: Found) -> Iterator[str]:
    """Yield the keys of the loop that a given option decides; counts are given together."""
    keeps = {keep.key: keep.take.option for keep in framework.keeps if dialect.holds(keep, effective.release)}
    counts = found.in_loop - set(keeps.values())
    for key in found.loop:
        given = {keeps[key]} if key in keeps else counts
        if given & effective.given.keys():
            yield key


def setup_of(loop: Loop) -> Setup:
    """Return the facts of a run with this loop; what is not known has the paper's value."""
    return Setup(
        int(loop.get("group_size") or 8),
        int(loop.get("prompts_per_batch") or 128),
        int(loop.get("updates_per_rollout") or 1),
        int(loop.get("max_response_length") or 8192),
        float(loop.get("top_p") or 1.0),
        int(loop.get("top_k") or 0),
    )


def _built(
    dialect: Dialect, found: Found, effective: Effective
) -> tuple[UpdateRule | None, tuple[str, ...], tuple[str, ...]]:
    """Return the rule, the reasons why it computes nothing, and the sentences that say why it cannot be built.

    A group of one response has no statistics; its rule is shown as that of larger groups, with the reason.
    """
    setup = setup_of(found.loop)
    try:
        return build_rule(EMPTY, found.tricks, dialect.spelled, setup), (), ()
    except TrickError as error:
        text = error.refusal if isinstance(error, RefusedRuleError) else str(error)
        sentences = tuple(_with_option(sentence, found, effective) for sentence in text.splitlines())
    if setup.group_size == 1:
        with suppress(TrickError):
            return build_rule(EMPTY, found.tricks, dialect.spelled, replace(setup, group_size=2)), sentences, ()
    incomplete = found.reasons or found.unread  # then a default that stands for a missing choice may be refused
    return None, (), () if incomplete else sentences


def _with_option(sentence: str, found: Found, effective: Effective) -> str:
    """Return a sentence on a setting with the options that decide it, whose names the user knows."""
    for origin in found.origins:
        if origin.setting and sentence.startswith(
            (f"{origin.trick}.{origin.setting}:", f"{origin.trick}: {origin.setting} ")
        ):
            given = [name for name, _ in origin.options if name in effective.given]
            words = ", ".join(f"{name}={effective.values.get(name)!r} ({effective.source(name)})" for name in given)
            return f"{sentence}; it is {words}" if words else sentence
    return sentence


def _idle(framework: Framework, effective: Effective, found: Found, rule: UpdateRule | None) -> Iterator[str]:
    if rule is not None:
        for trick, reasons in rule.no_effect_reasons().items():
            yield from (f"{trick}: {reason}" for reason in reasons)
    if framework.idle is not None:
        yield from framework.idle(effective.values, found.loop)


def _faults(framework: Framework, dialect: Dialect, effective: Effective, loop: Loop) -> Iterator[Fault]:
    for fault in framework.faults:
        hits = dialect.holds(fault, effective.release) and fulfilled(fault.when, effective.values)
        if hits and (fault.test is None or fault.test(effective.values, loop)):
            yield fault


def _not_modeled(framework: Framework, effective: Effective) -> Iterator[Placed]:
    """Yield the options in effect that no trick computes, given or by default."""
    every = tuple(row.pattern for row in framework.not_modeled)
    for name, value in effective.values.items():
        if not matches_option(name, every):
            continue
        found = (row for row in framework.not_modeled if matches_option(name, (row.pattern,)))
        rows = (row for row in found if name in effective.given or not row.given_only)
        if row := next((row for row in rows if not any(equal(value, each) for each in row.neutral)), None):
            yield Placed(name, value, effective.source(name), row.because)


def _rest(
    framework: Framework, effective: Effective, found: Found, not_modeled: tuple[Placed, ...]
) -> tuple[tuple[Placed, ...], tuple[Placed, ...]]:
    """Return the given options without effect on the update, and those that nobody has placed."""
    taken = found.in_rule | found.in_loop | {option.name for option in not_modeled}
    quiet = (*framework.no_effect, *framework.foreign, *(row.pattern for row in framework.not_modeled))
    no_effect: list[Placed] = []
    unplaced: list[Placed] = []
    for name, option in effective.given.items():
        if name in taken:
            continue
        placed = Placed(name, option.value, option.place)
        (no_effect if matches_option(name, quiet) else unplaced).append(placed)
    return tuple(no_effect), tuple(unplaced)


@cache
def _preset_rules(emulate: str, setup: Setup) -> dict[str, dict[str, list[str]]]:
    rules = {}
    for preset in PRESETS:
        try:
            rules[preset] = build_rule(preset, {}, emulate, setup).settings()
        except TrickError:  # the framework cannot express it; its plain rule is the target
            with suppress(TrickError):  # nor is it one for groups of one
                rules[preset] = build_rule(preset, {}, "none", setup).settings()
    return rules


def find_nearest(rule: UpdateRule, emulate: str) -> Nearest:
    """Return the preset whose rule has the fewest other hooks, each preset as the dialect computes it."""
    mine = rule.settings()
    rules = _preset_rules(emulate, rule.setup)
    counts = {
        preset: sum(mine.get(hook) != theirs.get(hook) for hook in mine.keys() | theirs.keys())
        for preset, theirs in rules.items()
    }
    preset = min(counts, key=lambda name: counts[name])
    theirs = rules[preset]
    differs = tuple(
        f"{hook}: {_joined(mine, hook)}, {preset} has {_joined(theirs, hook)}"
        for hook in dict.fromkeys((*mine, *theirs))
        if mine.get(hook) != theirs.get(hook)
    )
    return Nearest(preset, PRESETS[preset].source, differs)


def _joined(settings: Mapping[str, list[str]], hook: str) -> str:
    return " + ".join(settings.get(hook, [])) or "nothing"
