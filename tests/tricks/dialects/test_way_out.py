"""A refused rule is followed by the words of the nearest one that the framework accepts."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from functools import cache

import pytest

from tests.tricks.batches import SETUP
from tricks.api import TrickError
from tricks.dialects import ALL_RELEASES, build_rule, find_dialect
from tricks.dialects.build import RefusedRuleError
from tricks.dialects.way_out import OPEN, parse_advice
from tricks.io import read_options
from tricks.presets import PRESETS

MARK = "this builds: "


@cache
def differing(framework: str) -> tuple[str, ...]:
    """One release of each set of rows that a framework has had."""
    dialect, found = ALL_RELEASES[framework], {}
    for release in dialect.known_releases:
        rows = (*(known := dialect.at(release)).variants, *known.refusals, *known.rewrites)
        found[tuple(map(id, rows))] = release
    return tuple(f"{framework}@{release}" for release in found.values())


def refusal(preset: str, emulate: str, **tricks: dict[str, object] | None) -> str | None:
    """The words of a refusal, None where it builds."""
    try:
        build_rule(preset, tricks, emulate, SETUP)
    except TrickError as error:
        return str(error)
    return None


def built(words: str) -> bool:
    """Return True if the printed words build, read as ``tricks apply`` reads them."""
    preset, emulate, *tricks = words.split()
    options = read_options(preset.removeprefix("preset="), emulate.removeprefix("emulate="), tricks=tricks)
    return bool(build_rule(options.preset, options.tricks, options.emulate, SETUP).settings())


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("framework", ALL_RELEASES)
def test_every_preset_builds_or_the_printed_words_do(framework: str, preset: str) -> None:
    for emulate in differing(framework):
        words = refusal(preset, emulate)
        if words is None:
            continue
        _, found, command = words.partition(MARK)
        assert found, words
        assert command.startswith(f"preset={preset} emulate={framework}@")
        assert built(command), words


def test_some_presets_are_refused_and_some_are_not() -> None:
    found = [refusal(preset, framework) for preset in PRESETS for framework in ALL_RELEASES]
    assert 30 < sum(words is None for words in found) < len(found) - 30


@pytest.mark.parametrize(
    ("preset", "emulate", "tricks", "command"),
    [
        ("liteppo", "prime_rl", {}, "tricks.group_mean_batch_std=null tricks.group_mean={}"),
        ("grpo", "areal", {}, "tricks.sequence_mean=null tricks.token_mean={}"),
        ("vanilla_ppo", "areal", {}, "tricks.token_mean={}"),
        ("grpo", "verl", {"group_norm": {"eps": 0.1}}, ""),
        ("grpo", "verl", {"group_norm": {"eps": 0.1}, "clip_higher": {}}, "tricks.clip_higher={}"),
        ("grpo", "oat", {"clip": {"clip_ratio_high": 0.4}}, "tricks.clip={}"),
    ],
)
def test_what_can_be_kept_is_kept(preset: str, emulate: str, tricks: dict, command: str) -> None:
    words = refusal(preset, emulate, **tricks)
    assert words is not None
    assert words.partition(MARK)[2] == f"preset={preset} emulate={emulate} {command}".strip()


def test_the_first_line_is_the_refusal() -> None:
    words = refusal("liteppo", "slime")
    assert words is not None
    assert words.splitlines()[0].endswith(", or leave emulate out")
    assert len(words.splitlines()) == 2


def test_a_clash_that_no_framework_causes_has_no_way_out() -> None:
    words = refusal("grpo", "trl", group_mean={})
    assert words == "group_mean and group_norm both set advantages; keep one"


@pytest.mark.parametrize("copied", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_refusal_is_sent_between_processes(copied) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RefusedRuleError) as caught:
        build_rule("liteppo", {}, "slime", SETUP)
    assert str(copied(caught.value)) == str(caught.value)


def instead() -> Iterator[str]:
    """The advice in the rows of all frameworks."""
    for framework in ALL_RELEASES:
        yield from (row.instead for row in ALL_RELEASES[framework].refusals)


def test_what_rows_say_to_choose_can_be_read() -> None:
    found = set(instead())
    assert len(found) > 20
    for words in found:
        assert parse_advice(words) or not words or OPEN.search(words), words


@pytest.mark.parametrize("words", ["choose no_such_trick", "set eps", "take group_norm", "leave eps"])
def test_other_words_are_no_advice(words: str) -> None:
    with pytest.raises(TrickError, match="no advice; write choose A"):
        parse_advice(words)


def test_newest_releases_are_named_without_release() -> None:
    newest = find_dialect("trl").spelled
    assert newest.startswith("trl@")
    assert str(refusal("scalerl", newest)).partition(MARK)[2].split()[1] == f"emulate={newest}"
