"""Find the smallest change to a refused rule that a framework accepts, and write it as a command.

A refusal names one trick and what to choose in its place. Another trick may be refused after that. The search follows
the advice of each refusal in turn, and where advice does not help it leaves tricks out or takes others for their hooks.
"""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from tricks.api import OPTIONAL_HOOKS, REQUIRED_HOOKS, TrickError
from tricks.catalog import DEFAULT_TRICKS, load_catalog
from tricks.presets import find_preset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Written = Mapping[str, Mapping[str, Any] | None]
    Changed = dict[str, dict[str, Any] | None]

LEAVE: Final = "or leave emulate out"
OPEN: Final = re.compile(r"choose one of these|change one of these settings|bound (them|the sum) in the task's reward")
_LIMIT: Final = 400  # rules that are tried
_ADVISED, _LEFT_OUT, _OTHER, _FREE = 0.0, 1.5, 2.0, 3.0  # a move off the advice costs this more than its words


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One way out of a refusal: tricks to choose, settings to set, or names to leave out."""

    verb: str  # choose, set or leave
    names: tuple[str, ...] = ()  # tricks for choose; settings or tricks for leave
    settings: Mapping[str, Any] | None = None
    beside: tuple[str, ...] = ()  # tricks to choose too


def parse_advice(words: str) -> tuple[Suggestion, ...]:
    """Return the ways out that the last words of a refusal name.

    The grammar: ``choose A``, ``choose A with B``, ``set KEY=VALUE and KEY=VALUE with B``, ``leave NAME out``, joined
    by commas. Raises TrickError for other words.
    """
    if not words or OPEN.search(words):
        return ()
    found, verb = [], ""
    for part in re.split(r", (?:or )?", words):
        first = part.partition(" ")[0]
        verb = first if first in ("choose", "set", "leave") else verb
        found.append(_read_advice(verb, part.removeprefix(f"{verb} "), words))
    return tuple(found)


def _read_advice(verb: str, said: str, words: str) -> Suggestion:
    text, _, company = said.partition(" with ")
    beside = tuple(company.split(" and ")) if company else ()
    if verb == "leave" and text.endswith(" out"):
        return Suggestion(verb, (text.removesuffix(" out"),))
    if verb == "choose" and {text, *beside} <= set(load_catalog()):
        return Suggestion(verb, (text,), beside=beside)
    pairs = [pair.partition("=") for pair in text.split(" and ")]
    if verb == "set" and all(key.isidentifier() and value for key, _, value in pairs):
        return Suggestion(verb, settings={key: _value(value) for key, _, value in pairs}, beside=beside)
    raise TrickError(f"{words!r}: no advice; write choose A with B, set KEY=VALUE with B, or leave NAME out")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def find_way_out(preset: str, tricks: Written, attempt: Callable[[Written], str | None]) -> Changed | None:
    """Return the changes to the preset nearest to ``tricks`` that the framework accepts.

    Args:
        preset: Name of the preset.
        tricks: The refused changes to it, as ``build_rule`` takes them.
        attempt: Returns the message of the refusal of such changes, or None where they build.

    Returns:
        The changes, or None where none was found.

    """
    start: Changed = {name: None if given is None else dict(given) for name, given in tricks.items()}
    order, seen = count(), {_key(start)}
    queue = [(0.0, 0.0, next(order), start)]
    for _ in range(_LIMIT):
        if not queue:
            return None
        _, extra, _, changed = heapq.heappop(queue)
        if (refused := attempt(changed)) is None:
            return changed
        for cost, following in _moves(preset, changed, refused):
            tidy = _tidied(preset, following)
            if (key := _key(tidy)) not in seen:
                seen.add(key)
                total = extra + cost
                heapq.heappush(queue, (total + _distance(start, tidy), total, next(order), tidy))
    return None


def write_command(preset: str, emulate: str, tricks: Written) -> str:
    """Return the words that build the rule, as ``liteppo run`` and ``liteppo tricks apply`` take them."""
    words = [f"preset={preset}", f"emulate={emulate}"]
    for name, given in sorted(tricks.items(), key=lambda item: item[1] is not None):
        if given:
            words += [f"tricks.{name}.{key}={_text(value)}" for key, value in given.items()]
        else:
            words.append(f"tricks.{name}={'null' if given is None else '{}'}")
    return " ".join(words)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _key(changed: Written) -> str:
    return json.dumps(changed, sort_keys=True, default=str)


def _distance(start: Written, changed: Written) -> float:
    """Return the number of words in which two changes differ."""
    names = {*start, *changed}
    return sum(_words(start, name) != _words(changed, name) for name in names)


def _words(changed: Written, name: str) -> str:
    return _key({name: changed[name]}) if name in changed else ""


def _moves(preset: str, changed: Changed, refused: str) -> Iterator[tuple[float, Changed]]:
    """Yield changes that may help against a refusal, each with what it costs beyond its words."""
    first = refused.partition("\n")[0]
    name = first.partition(":")[0].partition(".")[0]
    for rank, advice in enumerate(_advised(first)):
        yield from ((_ADVISED + rank / 10, following) for following in _followed(preset, changed, name, advice))
    chosen = _chosen(preset, changed)
    if given := changed.get(name):
        yield from ((_ADVISED + 0.5, {**changed, name: _without(given, key)}) for key in given)
    if name in chosen:
        yield _LEFT_OUT, _left_out(changed, name)
    for other in _sharing(name):
        yield _OTHER, _put(preset, _left_out(changed, name), other)
    for other in chosen:
        if other != name:
            yield _FREE, _left_out(changed, other)
            yield from ((_FREE + 1, _put(preset, changed, third)) for third in _sharing(other))


def _advised(refused: str) -> tuple[Suggestion, ...]:
    """Return the advice at the end of a refusal; other complaints give none that can be read."""
    try:
        return parse_advice(refused.rpartition("; ")[2].removesuffix(f", {LEAVE}").removesuffix(LEAVE))
    except TrickError:
        return ()


def _followed(preset: str, changed: Changed, name: str, advice: Suggestion) -> Iterator[Changed]:
    """Yield what becomes of the changes where advice is followed.

    A chosen trick may stand beside the refused one or replace it.
    """
    match advice.verb:
        case "choose":
            for start in (_left_out(changed, name), changed):
                yield _put(preset, start, *advice.names, *advice.beside)
        case "set":
            for trick in (name,) if name in load_catalog() else _named(name):
                start = _put(preset, changed, trick) if trick not in _chosen(preset, changed) else changed
                yield _put(
                    preset, {**start, trick: {**(start.get(trick) or {}), **(advice.settings or {})}}, *advice.beside
                )
        case "leave":
            *owner, key = advice.names[0].split(".")
            trick = owner[0] if owner else name
            if key == name:
                yield _left_out(changed, name)
            elif given := changed.get(trick):
                yield {**changed, trick: _without(given, key)}


def _without(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {known: value for known, value in given.items() if known != key}


def _named(hook: str) -> tuple[str, ...]:
    """Return the trick of the catalog that does what nothing chosen for a hook does."""
    filler = DEFAULT_TRICKS.get(hook)
    return tuple(spec.name for spec in load_catalog().values() if spec.cls is type(filler) and not spec.settings)[:1]


def _chosen(preset: str, changed: Written) -> list[str]:
    """Return the names of the tricks in effect."""
    kept = [name for name in find_preset(preset).tricks if changed.get(name, {}) is not None]
    return kept + [name for name, given in changed.items() if given is not None and name not in kept]


def _left_out(changed: Changed, name: str) -> Changed:
    return {**changed, name: None}


def _put(preset: str, changed: Changed, *names: str) -> Changed:
    """Return the changes with tricks in place of those that share a hook with them."""
    for name in names:
        hooks = _hooks(name)
        for other in _chosen(preset, changed):
            if other != name and hooks & _hooks(other):
                changed = _left_out(changed, other)
        changed = {**changed, name: changed.get(name) or {}}
    return changed


def _hooks(name: str) -> frozenset[str]:
    """Return the hooks of a trick that admit only one."""
    spec = load_catalog().get(name)
    return frozenset() if spec is None else frozenset(spec.hooks) & {*OPTIONAL_HOOKS, *REQUIRED_HOOKS}


def _sharing(name: str) -> Iterator[str]:
    """Yield the other tricks that fill the hook of a trick, or the hook of that name."""
    hooks = frozenset({name}) if name in REQUIRED_HOOKS else _hooks(name)
    return (other for other in load_catalog() if other != name and hooks & _hooks(other))


def _tidied(preset: str, changed: Changed) -> Changed:
    """Return the changes without words that say nothing.

    A trick that the preset lacks cannot be left out, and one of the preset need not be added.
    """
    own = find_preset(preset).tricks
    return {name: given for name, given in changed.items() if (given is None) == (name in own) or given}
