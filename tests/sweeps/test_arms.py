"""A setting that a grid sets twice, and a seed that it sets, are refused by name; between axes it is told."""

import pytest

from harness.common.schema import SchemaError
from sweeps.grid.grid import find_grid, list_grid_names, read_grid
from sweeps.plan.plan import make_plan
from tests.sweeps.grids import PLAIN, grid
from tests.sweeps.test_plan import printed

TWICE = {
    "a value": ["optim.lr=1e-3", "optim.lr=1e-4"],
    "the same value": ["optim.lr=1e-3", "optim.lr=1e-3"],
    "with and without a plus": ["+tricks.group_norm.eps=1e-3", "tricks.group_norm.eps=1e-4"],
    "a mapping and a setting of it": ["+tricks.group_norm={eps: 1e-3}", "tricks.group_norm.eps=1e-4"],
    "two mappings": ["+tricks.group_norm={eps: 1e-3, ddof: 0}", "tricks.group_norm={eps: 1e-4}"],
    "left out and set": ["+tricks.group_norm.eps=1e-3", "tricks.group_norm=null"],
    "taken away and set": ["~tricks.clip", "tricks.clip.clip_ratio_low=0.1"],
    "an option of a group": ["model=small_base", "model=small_aligned"],
    "a preset": ["preset=grpo", "preset=dapo"],
    "a list": ["eval.benchmarks=[arithmetic]", "eval.benchmarks=[gsm8k]"],
}
ONCE = {
    "a trick and its setting": ["+tricks.group_norm={}", "tricks.group_norm.eps=1e-4"],
    "two settings": ["+tricks.group_norm.eps=1e-3", "+tricks.group_norm.ddof=0"],
    "two mappings of other keys": ["+tricks.group_norm={eps: 1e-3}", "tricks.group_norm={ddof: 0}"],
    "a group and a setting of it": ["optim=paper", "optim.lr=1e-4"],
    "names that begin alike": ["eval.samples=2", "+eval.samples_of.gsm8k=4"],
}


def listed(words):
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def places(words):
    """Grids that hold these overrides in each of the places that take some."""
    return {
        "axes.norm.none": PLAIN.replace("none: []", f"none: {listed(words)}"),
        "overrides": PLAIN + f"overrides: {listed(words)}\n",
        "profiles.other.overrides": PLAIN + f"profiles: {{other: {{overrides: {listed(words)}}}}}\n",
        "axes.more.x": PLAIN + f"profiles: {{other: {{axes: {{more: {{x: {listed(words)}}}}}}}}}\n",
        "controls.known.overrides": PLAIN
        + "controls: {known: {at: {reward_scale: zero_one, norm: none}, expect: worse, because: it is, overrides: "
        + listed(words)
        + "}}\n",
    }


def read(folder, place, text):
    return grid(folder, text, "other" if "other" in text else "laptop")


@pytest.mark.parametrize("place", places([]))
@pytest.mark.parametrize("words", TWICE.values(), ids=TWICE)
def test_a_setting_that_is_set_twice_in_one_place_is_refused(place, words, tmp_path):
    with pytest.raises(SchemaError) as caught:
        read(tmp_path, place, places(words)[place])
    message = str(caught.value)
    assert message.startswith(f"plain.yaml: {place}: ")
    assert message.endswith(f" is set twice, by {words[0]} and by {words[1]}; keep one")
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("place", places([]))
@pytest.mark.parametrize("words", ONCE.values(), ids=ONCE)
def test_settings_that_go_together_are_accepted(place, words, tmp_path):
    assert read(tmp_path, place, places(words)[place])


@pytest.mark.parametrize("place", places([]))
@pytest.mark.parametrize("word", ["seed=3", "+seed=3", "++seed=3", "seed=0"])
def test_a_seed_is_refused_by_name(place, word, tmp_path):
    with pytest.raises(SchemaError) as caught:
        read(tmp_path, place, places(["steps=2", word])[place])
    assert str(caught.value).startswith(f"plain.yaml: {place}: {word}: the grid's seeds replace a seed set here")
    assert "list it under seeds" in str(caught.value)


def test_an_axis_of_seeds_is_refused(tmp_path):
    with pytest.raises(SchemaError, match=r"plain\.yaml: axes\.seed\.one: seed=1: the grid's seeds replace a seed"):
        grid(tmp_path, PLAIN.replace("  norm:\n", "  seed: {one: [seed=1], two: [seed=2]}\n  norm:\n"))


def test_axis_overrides_and_controls_replace_on_purpose(tmp_path):
    text = PLAIN.replace("none: []", "none: [optim.lr=1e-4]") + (
        "overrides: [optim.lr=1e-3]\n"
        "controls: {known: {at: {reward_scale: zero_one, norm: none}, expect: worse, because: it is, "
        "overrides: [optim.lr=1e-2]}}\n"
    )
    made = make_plan(grid(tmp_path, text), False, (), (), {})
    rates = {(cell.labels["norm"], cell.labels["control"]): cell.config.optim.lr for cell in made.cells}
    assert rates == {("none", "off"): 1e-4, ("group", "off"): 1e-3, ("none", "known"): 1e-2}
    assert "replaced" not in printed(made)


def test_what_one_axis_replaces_of_another_is_told_once_with_the_cells(tmp_path):
    text = PLAIN.replace("zero_one: [reward=zero_one]", "zero_one: [reward=zero_one, optim.lr=1e-3]").replace(
        "none: []", "none: [optim.lr=1e-4]"
    )
    said = " ".join(printed(make_plan(grid(tmp_path, text), False, (), (), {}), width=200).split())
    assert said.count("replaced") == 1
    assert "replaced optim.lr of reward_scale=zero_one by norm=none in 1 cell " in said


def test_axes_that_set_the_same_to_the_same_replace_nothing(tmp_path):
    text = PLAIN.replace("zero_one: [reward=zero_one]", "zero_one: [reward=zero_one, optim.lr=1e-4]").replace(
        "none: []", "none: [optim.lr=1e-4]"
    )
    assert "replaced" not in printed(make_plan(grid(tmp_path, text), False, (), (), {}))


@pytest.mark.parametrize("name", list_grid_names())
def test_no_grid_of_ours_sets_anything_twice(name):
    read_grid(find_grid(name))
