"""An exported configuration is explained as the same rule and the same loop."""

from __future__ import annotations

from typing import Final

import pytest

from tests.tricks.frameworks.tables import LOOP, Option, edges_of_all
from tricks.api import TrickError
from tricks.dialects.build import build_rule
from tricks.frameworks.explanation import explain_options, setup_of
from tricks.frameworks.registry import FRAMEWORKS, find_framework
from tricks.frameworks.writing import export_rule
from tricks.presets import PRESETS

# The surrogate of prime_rl has no name in the catalog; no preset is a group norm with a token mean alone.
NONE_OF_THEM: Final = ("prime_rl", "trl_async")


@pytest.mark.parametrize(("name", "release"), list(edges_of_all()))
def test_a_preset_that_a_release_can_express_is_read_back_as_it_was_written(name: str, release: str) -> None:
    framework, misses = find_framework(name), []
    for preset in PRESETS:
        try:
            rule = build_rule(preset, {}, f"{name}@{release}", setup_of(LOOP))
        except TrickError:
            continue
        try:
            export = export_rule(framework, rule, LOOP, release)
        except TrickError as error:
            if not any(trick in str(error) for trick in framework.in_code):
                misses.append(f"{preset}: {error}")
            continue
        read = explain_options(framework, release, [Option(line.name, line.value) for line in export.lines])
        if read.rule is None or read.rule.settings() != rule.settings() or read.problems or read.unknown:
            misses.append(f"{preset}: {read.problems} {read.unknown}")
        lost = {key for key, value in LOOP.items() if read.loop.get(key) != value}
        if unsaid := {key for key in lost if not any(note.startswith(key) for note in export.notes)}:
            misses.append(f"{preset}: lost {unsaid}")
    assert not misses


@pytest.mark.parametrize("name", [name for name in FRAMEWORKS if name not in NONE_OF_THEM])
def test_each_framework_can_express_a_preset(name: str) -> None:
    framework, built = find_framework(name), 0
    for preset in PRESETS:
        try:
            rule = build_rule(preset, {}, name, setup_of(LOOP))
            built += bool(export_rule(framework, rule, LOOP).lines)
        except TrickError:
            continue
    assert built
