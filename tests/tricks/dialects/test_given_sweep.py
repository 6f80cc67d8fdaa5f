"""Every dialect, trick, setting and value: what is written holds or is refused by name, default values included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from functools import cache
from itertools import islice, product
from typing import Any, Final, Literal, get_args, get_origin

import pytest

from tests.tricks.dialects.spoken import SETUP, refusal_line
from tricks.api import REQUIRED_HOOKS, TrickError, TrickSpec
from tricks.catalog import BUILT_IN_TRICKS, find_trick
from tricks.dialects.build import DIALECTS, NO_DIALECT, build_rule
from tricks.settings import format_value, is_of_type, read_field_types

Company = Mapping[str, Mapping[str, Any]]

# Tricks beside which a trick is tried, until the framework has nothing against these.
COMPANIES: Final[tuple[Company, ...]] = (
    {},
    *(
        {advantages: {}, aggregation: {}, **surrogate}
        for surrogate, advantages, aggregation in product(
            ({}, {"gspo": {}}),
            ("group_norm", "group_mean", "token_whitening"),
            ("token_mean", "sequence_mean", "constant_length"),
        )
    ),
)
NUMBERS: Final = (0.25, 2.5)


def values_of(spec: TrickSpec, key: str) -> list[Any]:
    """Values of a setting: the default, the catalog's, every framework's, and some of nobody's."""
    kind = read_field_types(spec.cls)[key]
    rows = [row for dialect in DIALECTS.values() for row in dialect.variants if row.cls is spec.cls]
    tried = [
        *(field.default for field in fields(spec.cls) if field.name == key),
        *(settings[key] for row in rows for settings in (row.when, row.then) if key in settings),
        *(value for literal in literals(kind) for value in get_args(literal)),
        *(spec.settings[key] for _ in range(key in spec.settings)),
        *(None, True, False, *NUMBERS, 4),
    ]
    kept: dict[str, Any] = {}
    for value in tried:
        if value is not MISSING and is_of_type(kind, value):
            number = float(value) if type(value) is int and is_of_type(kind, 0.5) else value
            kept.setdefault(repr(number), number)
    return list(kept.values())


def literals(kind: Any) -> Iterator[Any]:
    """The literals within a type."""
    if get_origin(kind) is Literal:
        yield kind
        return
    for inner in get_args(kind):
        yield from literals(inner)


Outcome = Any  # the trick as it runs, or the words of the refusal


@cache
def companies_of(emulate: str, name: str) -> tuple[tuple[Company, Outcome], ...]:
    """The first and the last company in which the framework computes the trick, or one in which it is refused itself.

    Each with what becomes of the trick where nothing is written.
    """
    hooks = {*find_trick(name).hooks} & {*REQUIRED_HOOKS, "whiten"}
    free = [{other: {} for other in company if not hooks & {*find_trick(other).hooks}} for company in COMPANIES]
    companies = [company for place, company in enumerate(free) if company not in free[:place]]
    first = _built(emulate, name, companies)
    if first:
        return (*first, *_built(emulate, name, companies[::-1]))
    plain = [(company, outcome(emulate, name, {}, company)) for company in companies]
    refused = [(company, found) for company, found in plain if found.startswith(name)]
    return (*refused, *plain)[:1]


def _built(emulate: str, name: str, companies: Iterable[Company]) -> list[tuple[Company, Outcome]]:
    """The first company in which the framework computes the trick, or none."""
    plain = ((company, outcome(emulate, name, {}, company)) for company in companies)
    return list(islice((pair for pair in plain if not isinstance(pair[1], str)), 1))


def outcome(emulate: str, name: str, settings: Mapping[str, Any], company: Company) -> Outcome:
    """Build the rule and look at the trick."""
    try:
        return build_rule("vanilla_ppo", {**company, name: settings}, emulate, SETUP).tricks[name]
    except TrickError as error:
        return refusal_line(error)


@cache
def makes_sense(name: str, key: str, value: Any, kind: type) -> bool:
    """Whether the trick may have this setting at all; ``kind`` tells 1 from 1.0 and True."""
    return isinstance(value, kind) and not isinstance(outcome(NO_DIALECT, name, {key: value}, {}), str)


def faults(emulate: str, spec: TrickSpec, key: str, value: Any) -> Iterator[str]:
    """What is wrong with how the dialect takes a setting that the trick may have."""
    for company, plain in companies_of(emulate, spec.name):
        found = outcome(emulate, spec.name, {key: value}, company)
        asked = f"{spec.name}.{key}={value!r} beside {' '.join(company)}"
        if not isinstance(found, str):
            if repr(getattr(found, key, MISSING)) != repr(value):
                yield f"{asked} runs {found}"
        elif not found.partition("\n")[0].endswith("leave emulate out"):  # a command that builds may follow
            yield f"{asked} is refused without a way out: {found}"
        elif found != plain and not names(found, spec.name, key, value):
            yield f"{asked} is refused without its name: {found}"
        elif isinstance(plain, spec.cls) and repr(getattr(plain, key)) == repr(value) and value != "leave_one_out":
            yield f"{asked} is what runs without it, and refused: {found}"


def names(refusal: str, trick: str, key: str, value: Any) -> bool:
    """Whether a refusal says which setting it is about, and what was written."""
    shown = format_value(value)
    if refusal.startswith(f"{trick}.{key}: "):
        return f", got {shown}; leave {key} out, " in refusal or f"{key}={shown.strip(chr(39))}" in refusal
    return f"{key}={shown}" in refusal or f"{key}={value}" in refusal


@pytest.mark.parametrize("spec", BUILT_IN_TRICKS, ids=lambda spec: spec.name)
@pytest.mark.parametrize("emulate", DIALECTS)
def test_every_setting_holds_as_written_or_is_refused_by_name(emulate, spec):
    found = [
        fault
        for field in fields(spec.cls)
        for value in values_of(spec, field.name)
        if makes_sense(spec.name, field.name, value, type(value))
        for fault in faults(emulate, spec, field.name, value)
    ]
    assert not found, "\n".join(found)
