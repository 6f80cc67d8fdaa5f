"""The tables of docs/reference/frameworks.md: what each release changes, and which preset is written where."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from tests.markdown import code, table
from tricks.api import TrickError
from tricks.dialects.build import ALL_RELEASES, build_rule
from tricks.frameworks.catalogue import load_options
from tricks.frameworks.changes import Changes, compare_releases, trace_preset
from tricks.frameworks.explanation import setup_of
from tricks.frameworks.registry import FRAMEWORKS, find_framework
from tricks.frameworks.writing import export_rule
from tricks.presets import PRESETS

LOOP = {"group_size": 8, "prompts_per_batch": 128, "updates_per_rollout": 4, "epochs": 1}


def framework_list() -> Iterator[str]:
    """Each framework with its known releases and the number of its options."""
    rows = []
    for name in FRAMEWORKS:
        known, options = ALL_RELEASES[name].known_releases, load_options(name)
        span = code(known[0]) if len(known) == 1 else f"{code(known[0])} to {code(known[-1])}, {len(known)} releases"
        title = find_framework(name).title
        rows.append((f"[{title}](#{name})", code(name), span, str(len(options.defaults(known[-1])))))
    yield from table(("framework", "name", "known", "options of the newest"), rows)


def framework_builds() -> Iterator[str]:
    """The presets that the newest known release of each framework can be given as its own configuration."""
    rows = [(code(preset), *(_written(preset, name) for name in FRAMEWORKS)) for preset in PRESETS]
    yield from table(("preset", *(find_framework(name).title for name in FRAMEWORKS)), rows)


def _written(preset: str, name: str) -> str:
    try:
        rule = build_rule(preset, {}, name, setup_of(LOOP))
    except TrickError:
        return "-"
    try:
        export_rule(find_framework(name), rule, LOOP)
    except TrickError:
        return "code"
    return "yes"


def framework_block(name: str) -> Iterator[str]:
    """The changes of one framework: defaults and numbers by release, faults, and presets."""
    framework = find_framework(name)
    if changed := [row for each in _changes(name) for row in _rows(each)]:
        yield from table(("from release", "what changes", "before", "after"), changed)
        yield ""
    if framework.faults:
        rows = [(code(fault.name), _span(fault.since, fault.until), fault.text) for fault in framework.faults]
        yield from table(("known fault", "releases", "effect"), rows)
        yield ""
    if len(ALL_RELEASES[name].known_releases) > 1:
        events = {preset: trace_preset(name, preset) for preset in PRESETS}
        yield from table(
            ("preset", "expressed by its dialect", "its gradient changes at"),
            [(code(preset), *_history(found)) for preset, found in events.items()],
        )


@cache
def _changes(name: str) -> tuple[Changes, ...]:
    framework = find_framework(name)
    return tuple(compare_releases(framework, *pair) for pair in pairwise(ALL_RELEASES[name].known_releases))


def _rows(changes: Changes) -> Iterator[tuple[str, str, str, str]]:
    """Rows for options that decide the rule or the loop, and for numbers."""
    for option, old, new in changes.defaults:
        yield changes.second, f"default of {code(option)}", code(repr(old)), code(repr(new))
    for what, before, after in changes.numbers:
        yield changes.second, what, before, after


def _history(events: list) -> tuple[str, str]:  # type: ignore[type-arg]
    held, changed, since = [], [], ""
    for event in events:
        if event.text == "expressed":
            since = event.release
        elif event.text.startswith("no longer"):
            held.append(_span(since, f"before {event.release}"))
            since = ""
        elif event.text.startswith("the gradient"):
            changed.append(f"{event.release} ({event.text.partition(': ')[2]})")
    if since:
        held.append(_span(since, ""))
    return "; ".join(held) or "no release", "; ".join(changed)


def _span(since: str, until: str) -> str:
    if not since and not until:
        return "all"
    if since == until:
        return since
    return f"{since or 'the first'} to {until}" if until else f"{since} and later"
