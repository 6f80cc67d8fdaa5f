"""Whoever follows the advice of a refusal is not refused again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import product
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

import pytest

from tests.tricks.dialects.spoken import trick
from tricks.api import CLOSED, SINGLE, TrickError
from tricks.batch import Setup
from tricks.built_in import BUILT_IN, VANILLA
from tricks.catalog import catalog
from tricks.dialects.registry import DIALECTS, find_dialect
from tricks.dialects.translate import translate
from tricks.settings import hints

Parts = dict[str, Any]
COMPANY = ((), ("token_whitening",), ("gspo",), ("kl_to_go",), ("soft_overlong",))
AGGREGATIONS = ("token_mean", "sequence_sum")


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
    for spec in BUILT_IN:
        required = {"cache": 2} if spec.name == "soft_overlong" else {}
        yield spec.name, required
        for name, kind in hints(spec.cls).items():
            yield from ((spec.name, {**required, name: option}) for option in options(kind))


def refusal(emulate: str, parts: Mapping[str, Any]) -> str | None:
    """What the framework says against these tricks, None where it takes them."""
    try:
        translate(find_dialect(emulate), parts)
    except TrickError as error:
        return str(error)
    return None


def put(parts: Parts, *names: str) -> Parts:
    """The parts with these tricks in place of those that share a hook with them."""
    for name in names:
        new = trick(name, **({"cache": 2} if name == "soft_overlong" else {}))
        alone = [hook for hook in (*SINGLE, *CLOSED) if hasattr(new, hook)]
        parts = {known: part for known, part in parts.items() if not any(hasattr(part, hook) for hook in alone)}
        parts[name] = new
    return parts


def followed(advice: str, refused: str, parts: Parts) -> list[Parts]:
    """What is left where the advice is followed; several readings where it may replace the trick or stand beside it."""
    name, _, setting = refused.partition(".")
    words, _, company = advice.partition(" with ")
    beside = [other for other in company.split(" and ") if other]
    if words.startswith("choose "):
        left = {known: part for known, part in parts.items() if known != name}
        return [put(start, words.removeprefix("choose "), *beside) for start in (parts, left)]
    if words.startswith("leave ") and words != f"leave {setting} out":
        return [{known: part for known, part in parts.items() if known != name}]
    old = {field.name: getattr(parts[name], field.name) for field in fields(parts[name])}
    named = {key: _value(text) for key, text in re.findall(r"(\w+)=([\w.-]+)", words)}
    settings = named or {setting: getattr(trick(name, **({"cache": 2} if name == "soft_overlong" else {})), setting)}
    return [put({**parts, name: type(parts[name])(**{**old, **settings})}, *beside)]


def accepted(emulate: str, parts: Parts, seen: tuple[str, ...] = ()) -> bool:
    """Whether the framework takes these tricks, or those that the advice of its refusals leads to."""
    words = refusal(emulate, parts)
    if words is None:
        return True
    refused = words.partition(":")[0]
    if words in seen or refused.partition(".")[0] not in parts:
        return False
    return any(
        FREE.search(advice) is not None or accepted(emulate, tried, (*seen, words))
        for advice in advices(words)
        for tried in ([parts] if FREE.search(advice) else followed(advice, refused, parts))
    )


def _value(text: str) -> Any:
    return int(text) if text.isdigit() else float(text) if re.fullmatch(r"-?\d+\.\d+", text) else text


def advices(words: str) -> list[str]:
    """The ways out of a refusal that tell what to choose or to set."""
    found = words.rpartition("; ")[2].removesuffix(", or leave emulate out").split(", or ")
    verb = ""
    for index, part in enumerate(found):
        verb = part.split()[0] if part.split()[0] in ("choose", "set", "leave") else verb
        found[index] = part if part.startswith(verb) else f"{verb} {part}"
    return found


FREE = re.compile(r"choose one of these|bound (them|the sum) in the task's reward")


@pytest.mark.parametrize("emulate", DIALECTS)
def test_advice_that_is_followed_is_accepted(emulate):
    checked = set()
    for (name, settings), others, aggregation in product(choices(), COMPANY, AGGREGATIONS):
        parts = put({name: trick(name, **settings)}, *(other for other in others if other != name))
        if not any(hasattr(part, "loss_weights") for part in parts.values()):
            parts = put(parts, aggregation)
        words = refusal(emulate, parts)
        if words is None or words.partition(":")[0].partition(".")[0] != name or name not in parts:
            continue
        for advice in advices(words):
            if FREE.search(advice) is None:
                checked.add((words, advice))
                ways = followed(advice, words.partition(":")[0], parts)
                assert any(accepted(emulate, tried, (words,)) for tried in ways), f"{words}\n{advice}"
    assert len(checked) > 20


def test_the_advice_of_a_group_of_one_is_no_setting_that_a_framework_refuses():
    complaints = list(trick("group_norm").complaints(_alone()))
    assert complaints == [
        "a group needs at least 2 samples, rollout.group_size is 1; set it higher, or single=raw without emulate"
    ]


def _alone() -> Any:
    return Setup(group_size=1, prompts_per_batch=3, updates_per_rollout=4, max_response_length=8)


@pytest.mark.parametrize("emulate", DIALECTS)
def test_every_reason_is_of_a_trick_that_the_catalog_has(emulate):
    classes = {spec.cls for spec in catalog().values()} | {type(part) for part in VANILLA.values()}
    assert all(row.pattern.cls in classes for row in find_dialect(emulate).refusals)
