"""Whoever follows the advice of a refusal is not refused again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import product
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

import pytest

from tests.tricks.dialects.spoken import trick
from tricks.api import OPTIONAL_HOOKS, REQUIRED_HOOKS, TrickError
from tricks.batch import Setup
from tricks.catalog import BUILT_IN_TRICKS, DEFAULT_TRICKS, load_catalog
from tricks.dialects.build import DIALECTS, find_dialect, translate
from tricks.settings import read_field_types

Parts = dict[str, Any]
Given = Mapping[str, tuple[str, ...]]
COMPANY = ((), ("token_whitening",), ("gspo",), ("kl_to_go",), ("soft_overlong",))
AGGREGATIONS = ("token_mean", "sequence_sum")
OLDER = ("verl@0.2", "verl@0.3.0.post1", "verl@0.5.0", "verl@0.6.0", "verl@0.7.0", "verl@0.7.1", "verl@0.9.0")


def options(kind: Any) -> tuple[Any, ...]:
    """Values of a setting to try: every word and switch, and a number of no framework's."""
    if get_origin(kind) is ClassVar:
        return ()
    if get_origin(kind) is Literal:
        return get_args(kind)
    parts = get_args(kind)[:1] if get_origin(kind) is Annotated else get_args(kind)
    if parts:
        return tuple(option for part in parts for option in options(part))
    return {bool: (True, False), int: (3,), float: (0.123,), type(None): (None,)}.get(kind, ())


def choices() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every trick of the catalog as it is, and with each setting at each of its values."""
    for spec in BUILT_IN_TRICKS:
        required = {"cache": 2} if spec.name == "soft_overlong" else {}
        yield spec.name, required
        for name, kind in read_field_types(spec.cls).items():
            yield from ((spec.name, {**required, name: option}) for option in options(kind))


def refusal(emulate: str, parts: Mapping[str, Any], given: Given) -> str | None:
    """What the framework says against these tricks, None where it takes them."""
    try:
        translate(find_dialect(emulate), parts, given)
    except TrickError as error:
        return str(error)
    return None


def put(parts: Parts, *names: str) -> Parts:
    """The parts with these tricks in place of those that share a hook with them."""
    for name in names:
        new = plain(name)
        alone = [hook for hook in (*OPTIONAL_HOOKS, *REQUIRED_HOOKS) if hasattr(new, hook)]
        parts = {known: part for known, part in parts.items() if not any(hasattr(part, hook) for hook in alone)}
        parts[name] = new
    return parts


def plain(name: str) -> Any:
    """A trick as the catalog has it."""
    return trick(name, **({"cache": 2} if name == "soft_overlong" else {}))


def followed(advice: str, refused: str, parts: Parts, given: Given) -> list[tuple[Parts, Given]]:
    """What is left where the advice is followed; two readings where a trick may replace another or stand beside it."""
    name = refused.partition(".")[0]
    words, _, company = advice.partition(" with ")
    beside = [other for other in company.split(" and ") if other]
    left = {known: part for known, part in parts.items() if known != name}
    if words.startswith("choose "):
        return [(put(start, words.removeprefix("choose "), *beside), _of(start, given)) for start in (parts, left)]
    if words.startswith("leave "):
        *owner, key = words.removeprefix("leave ").removesuffix(" out").split(".")
        if key == name:
            return [(left, _of(left, given))]
        named = {key: getattr(plain(name := owner[0] if owner else name), key)}
        mine = {known for known in given.get(name, ()) if known != key}
    else:
        named = {key: _value(text) for key, text in re.findall(r"(\w+)=([\w.-]+)", words)}
        mine = {*given.get(name, ()), *named}
    old = {field.name: getattr(parts[name], field.name) for field in fields(parts[name])}
    changed = {**parts, name: type(parts[name])(**{**old, **named})}
    return [(put(changed, *beside), {**given, name: tuple(mine)})]


def _of(parts: Parts, given: Given) -> Given:
    return {name: keys for name, keys in given.items() if name in parts}


def accepted(emulate: str, parts: Parts, given: Given, seen: tuple[str, ...]) -> bool:
    """Whether the framework takes these tricks, or those that the advice of its refusals leads to."""
    words = refusal(emulate, parts, given)
    if words is None or FREE.search(words) is not None:
        return True
    refused = words.partition(":")[0]
    if words in seen or refused.partition(".")[0] not in parts:
        return False
    ways = (way for advice in advices(words) for way in followed(advice, refused, parts, given))
    return any(accepted(emulate, *way, (*seen, words)) for way in ways)


def _value(text: str) -> Any:
    return int(text) if text.isdigit() else float(text) if re.fullmatch(r"-?\d+\.\d+", text) else text


def advices(words: str) -> list[str]:
    """The ways out of a refusal that tell what to choose or to set."""
    found = re.split(r", (?:or )?", words.rpartition("; ")[2].removesuffix(", or leave emulate out"))
    verb = ""
    for index, part in enumerate(found):
        verb = part.split()[0] if part.split()[0] in ("choose", "set", "leave") else verb
        found[index] = part if part.startswith(verb) else f"{verb} {part}"
    return found


FREE = re.compile(r"choose one of these|bound (them|the sum) in the task's reward")


@pytest.mark.parametrize("emulate", [*DIALECTS, *OLDER])
def test_advice_that_is_followed_is_accepted(emulate):
    checked = set()
    for (name, settings), others, aggregation in product(choices(), COMPANY, AGGREGATIONS):
        parts = put({name: trick(name, **settings)}, *(other for other in others if other != name))
        given: Given = {name: tuple(settings)}
        if not any(hasattr(part, "loss_weights") for part in parts.values()):
            parts = put(parts, aggregation)
        words = refusal(emulate, parts, given) if name in parts else None
        if words is None or words.partition(":")[0].partition(".")[0] != name or FREE.search(words):
            continue
        for advice in advices(words):
            checked.add((words, advice))
            ways = followed(advice, words.partition(":")[0], parts, given)
            assert any(accepted(emulate, *way, (words,)) for way in ways), f"{words}\n{advice}"
    assert len(checked) > 20


def test_the_advice_of_a_group_of_one_is_no_setting_that_a_framework_refuses():
    complaints = list(trick("group_norm").validate(_alone()))
    assert complaints == [
        "a group needs at least 2 samples, rollout.group_size is 1; set it higher, or single=raw without emulate"
    ]


def _alone() -> Any:
    return Setup(group_size=1, prompts_per_batch=3, updates_per_rollout=4, max_response_length=8)


@pytest.mark.parametrize("emulate", DIALECTS)
def test_every_reason_is_of_a_trick_that_the_catalog_has(emulate):
    classes = {spec.cls for spec in load_catalog().values()} | {type(part) for part in DEFAULT_TRICKS.values()}
    assert all(row.pattern.cls in classes for row in find_dialect(emulate).refusals)
