"""The output of the commands on frameworks: the known releases, what changed, and a rule in a framework's own form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tricks.dialects import ALL_RELEASES, build_rule
from tricks.frameworks.catalogue import load_options
from tricks.frameworks.changes import change_lines, compare_releases, trace_preset
from tricks.frameworks.explanation import setup_of
from tricks.frameworks.registry import FRAMEWORKS, find_framework
from tricks.frameworks.writing import export_rule
from tricks.presets import find_preset
from tricks.settings import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tricks.frameworks.spelling import Framework, Loop


def known_release(framework: Framework, release: str) -> tuple[str, str]:
    """Return a known release for the asked one, and a sentence where that is another one.

    A release that is not known is read as the newest known one, so that what can be read is still said.
    """
    known = ALL_RELEASES[framework.name].known_releases
    if not release:
        return known[-1], ""
    spelled = release.removeprefix("v")
    if spelled in known:
        return spelled, ""
    span = known[0] if len(known) == 1 else f"{known[0]} to {known[-1]}"
    near = suggest(spelled, known)
    return known[-1], f"{framework.title} {release} is not known here, {near} (known: {span}); read as {known[-1]}"


def framework_lines(name: str, first: str, second: str, preset: str) -> Iterator[str]:
    """Yield the known frameworks, or what changed between two releases of one, or the events of a preset in it.

    Args:
        name: The framework; "" lists all.
        first: The older release; "" for none.
        second: The newer one; "" for the newest known.
        preset: A preset to follow through all releases; "" for none.

    Yields:
        Lines of text.

    Raises:
        TrickError: A name or a release is not known.

    """
    if not name:
        yield from _known()
        return
    framework = find_framework(name)
    if preset:
        find_preset(preset)
        yield f"{preset} in {framework.title}:"
        yield from (f"  {event.release}: {event.text}" for event in trace_preset(framework.name, preset))
        return
    known = ALL_RELEASES[framework.name].known_releases
    if not first:
        yield f"{framework.title}: {len(known)} known releases: {', '.join(known)}"
        return
    yield from change_lines(compare_releases(framework, first, second or known[-1]))


def _known() -> Iterator[str]:
    for name in FRAMEWORKS:
        known = ALL_RELEASES[name].known_releases
        span = known[0] if len(known) == 1 else f"{known[0]} to {known[-1]} ({len(known)} releases)"
        yield f"{name:16}{find_framework(name).title:16}{span}"


def export_text(
    preset: str, tricks: Mapping[str, Mapping[str, Any] | None], loop: Loop, to: str, release: str = "", form: str = ""
) -> Iterator[str]:
    """Yield a rule and its loop as the configuration of a framework, each line with its reason.

    Args:
        preset: Name of the preset.
        tricks: Changes to its tricks; None leaves one out.
        loop: The loop by the keys of ``LOOP``.
        to: The framework.
        release: A known release; "" for the newest.
        form: yaml, json, toml, flags, overrides or keywords; "" for the framework's own.

    Yields:
        Lines of text.

    Raises:
        TrickError: The framework or the release is not known, or cannot express the rule.

    """
    from tricks.forms import write_text  # noqa: PLC0415

    framework = find_framework(to)
    emulate = f"{framework.name}@{release}" if release else framework.name
    rule = build_rule(preset, tricks, emulate, setup_of(loop))
    export = export_rule(framework, rule, loop, release)
    head = [f"{framework.title} {export.release}: {preset}", *(f"not in an option: {note}" for note in export.notes)]
    chosen = form or framework.form
    defaults = load_options(framework.name).defaults(export.release)
    lines = [
        (line.name, line.value, line.why)
        for line in export.lines
        if chosen != "flags" or line.value is not None or defaults.get(line.name) is not None
    ]  # a flag has no null; left out, it has its default, which is null too
    yield write_text(chosen, lines, comments=head, program=framework.head).rstrip("\n")
