"""Changes between two releases of a framework: its defaults, its numbers, its faults, and a recipe's gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tricks.api import TrickError
from tricks.dialects import ALL_RELEASES, RefusedRuleError, build_rule, find_dialect
from tricks.frameworks.catalogue import load_options
from tricks.frameworks.diff import compare_gradients, gradient_of
from tricks.frameworks.explanation import explain_options, setup_of
from tricks.frameworks.probe import probe_rule
from tricks.frameworks.spelling import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tricks.frameworks.spelling import Framework
    from tricks.rule import UpdateRule

LOOP: Final[Mapping[str, Any]] = {"group_size": 8, "prompts_per_batch": 128, "updates_per_rollout": 4}
_NONE: Final = "-"
_SMALL: Final = 1e-6  # relative difference of gradients that counts as rounding


@dataclass(frozen=True, slots=True)
class Changes:
    """Two releases of a framework side by side."""

    framework: str
    first: str
    second: str
    added: tuple[str, ...]  # options
    removed: tuple[str, ...]
    defaults: tuple[tuple[str, Any, Any], ...]  # option that decides the rule or the loop, old default, new one
    other_defaults: tuple[str, ...]  # options whose default changed and that decide neither
    numbers: tuple[tuple[str, str, str], ...]  # of the rule that the defaults make
    faults_ended: tuple[Fault, ...]
    faults_begun: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class ReleaseEvent:
    """A release from which a recipe is expressed otherwise."""

    release: str
    text: str


def compare_releases(framework: Framework, first: str, second: str) -> Changes:
    """Compare two known releases. Raises TrickError for a release that is not known."""
    dialect = ALL_RELEASES[framework.name]
    for release in (first, second):
        dialect.at(release)
    catalogue = load_options(framework.name)
    old, new = catalogue.defaults(first), catalogue.defaults(second)
    changed = [name for name in new if name in old and old[name] != new[name]]
    read = explain_options(framework, second, ())
    decisive = read.in_rule | read.in_loop
    before, after = _numbers(framework, first), _numbers(framework, second)
    held = [fault for fault in framework.faults if dialect.holds(fault, first)]
    holds = [fault for fault in framework.faults if dialect.holds(fault, second)]
    return Changes(
        framework.name,
        first,
        second,
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        defaults=tuple((name, old[name], new[name]) for name in changed if name in decisive),
        other_defaults=tuple(name for name in changed if name not in decisive),
        numbers=tuple(
            (name, before.get(name, _NONE), after.get(name, _NONE))
            for name in dict.fromkeys((*before, *after))
            if before.get(name) != after.get(name)
        ),
        faults_ended=tuple(fault for fault in held if fault not in holds),
        faults_begun=tuple(fault for fault in holds if fault not in held),
    )


@dataclass(frozen=True, slots=True)
class _Compared:
    """An option that the comparison of releases gives."""

    name: str
    value: Any
    place: str = "for this comparison"


def _numbers(framework: Framework, release: str) -> dict[str, str]:
    known = load_options(framework.name).defaults(release)
    given = [_Compared(name, value) for name, value in framework.compared.items() if name in known]
    found = explain_options(framework, release, given)
    if found.rule is None or found.problems:
        return {"the rule of the defaults": "; ".join(found.problems)}
    return probe_rule(found.rule)


def trace_preset(framework: str, preset: str) -> list[ReleaseEvent]:
    """Return the releases at which a preset is first expressed, and each one at which its gradient changes.

    The gradient is that of the frozen batch.
    """
    events: list[ReleaseEvent] = []
    last: UpdateRule | str | None = None
    for release in ALL_RELEASES[framework].known_releases:
        now = _expressed(framework, preset, release)
        if (text := _change(last, now)) is not None:
            events.append(ReleaseEvent(release, text))
        last = now
    return events


def _expressed(framework: str, preset: str, release: str) -> UpdateRule | str:
    """Return the rule, or why the release cannot express it."""
    try:
        return build_rule(preset, {}, find_dialect(f"{framework}@{release}").spelled, setup_of(LOOP))
    except RefusedRuleError as error:  # its text as a whole searches for a rule that builds
        return error.refusal.splitlines()[0]
    except TrickError as error:
        return str(error).splitlines()[0]


def _change(last: UpdateRule | str | None, now: UpdateRule | str) -> str | None:
    """Return the words for a change from one release to the next, or None."""
    if isinstance(now, str):
        if isinstance(last, str):
            return None
        return f"not expressed: {now}" if last is None else f"no longer expressed: {now}"
    if last is None or isinstance(last, str):
        return "expressed"
    if now.settings() == last.settings():
        return None
    old, new = gradient_of(last), gradient_of(now)
    if float((old - new).norm()) <= _SMALL * float(old.norm()):
        return None
    cosine, ratio = compare_gradients(old, new)
    hooks = [hook for hook in now.settings() if now.settings().get(hook) != last.settings().get(hook)]
    return f"the gradient changes in {', '.join(hooks)}: cosine {cosine:.6f}, norm {ratio:.6g} times the last"


def change_lines(changes: Changes) -> Iterator[str]:
    """Yield the comparison of two releases as text."""
    yield f"{changes.framework} {changes.first} to {changes.second}"
    for title, rows in (("computes otherwise", changes.numbers), ("default changed", changes.defaults)):
        if rows:
            yield f"{title}:"
            yield from (f"  {name}: {_shown(old)} -> {_shown(new)}" for name, old, new in rows)
    for title, faults in (("fault ended", changes.faults_ended), ("fault since", changes.faults_begun)):
        yield from (f"{title}: {fault.name}: {fault.text}" for fault in faults)
    for title, names in (
        ("other defaults changed", changes.other_defaults),
        ("options added", changes.added),
        ("options removed", changes.removed),
    ):
        if names:
            yield f"{title}: {', '.join(names)}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
