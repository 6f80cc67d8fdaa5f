"""Settings of a run that are probably not meant get one line; what the project itself uses gets none."""

from __future__ import annotations

import pytest

from harness.common.schema import SchemaError
from harness.config.experiment import list_hints, load_config
from harness.config.groups import list_config_groups
from harness.rollouts.generate import warn_positive_log_probs
from sweeps.grid.cells import compose_cells, select_cells
from sweeps.grid.grid import find_grid, list_grid_names, read_grid
from sweeps.plan.plan import make_plan
from tests.harness.engines.policies import random_samples
from tests.sweeps.grids import PLAIN, grid
from tests.sweeps.test_plan import printed

ODD = {
    "optim.lr": "0.2",
    "optim.weight_decay": "10",
    "rollout.temperature": "100",
    "rollout.top_p": "0.1",
    "eval.temperature": "50",
    "reward.correct": "1000",
}


@pytest.mark.parametrize(("setting", "value"), ODD.items())
def test_a_value_outside_of_practice_gets_one_hint_with_its_name(setting, value):
    found = list_hints(load_config(f"{setting}={value}"))
    assert len(found) == 1
    assert found[0].startswith(f"{setting}={value} is outside ")


def test_the_tricks_of_a_run_are_among_them():
    assert len(list_hints(load_config("preset=grpo", "tricks.clip_higher.clip_ratio_high=28", "optim.lr=1"))) == 2


def test_a_reward_that_is_upside_down_is_told():
    assert (
        "a correct answer earns no more than a wrong one"
        in list_hints(load_config("reward.correct=0", "reward.wrong=1"))[0]
    )


@pytest.mark.parametrize("setting", ["right_from=0.5", "seconds=9", "memory_mb=99"])
def test_a_setting_of_a_reward_function_is_told_where_there_is_none(setting):
    found = list_hints(load_config(f"reward.{setting}"))
    assert found == (
        f"reward.{setting} does nothing without reward.function: the verifier returns only correct or wrong",
    )


@pytest.mark.parametrize(
    ("group", "option"), [(group, one) for group, options in list_config_groups().items() for one in options]
)
def test_no_option_of_ours_gets_a_hint(group, option):
    try:
        assert list_hints(load_config(f"{group}={option}")) == ()
    except (SchemaError, ValueError):  # an option that needs others beside it
        pytest.skip("needs more")


@pytest.mark.parametrize("name", [name for name in list_grid_names() if name != "dialects"])  # dialects: tests/tricks
@pytest.mark.parametrize("profile", ["laptop", "gpu"])
def test_no_grid_of_ours_gets_a_hint(name, profile):
    written = read_grid(find_grid(name), profile)
    points = select_cells(written, full=True).cells
    cells = compose_cells(written, points[:: max(1, len(points) // 4)]).cells
    assert [hint for cell in cells for hint in list_hints(cell.config)] == []


def test_a_plan_tells_each_hint_once_with_its_cells(tmp_path):
    text = PLAIN.replace("none: []", "none: [optim.lr=0.5]") + "overrides: [rollout.temperature=50]\n"
    said = " ".join(printed(make_plan(grid(tmp_path, text), False, (), (), {}), width=300).split())
    assert said.count("hint ") == 2
    assert "hint 2 cells: optim.lr=0.5 is outside 0 to 0.01" in said
    assert "hint rollout.temperature=50 is outside 0.2 to 2" in said


def test_a_plan_tells_that_arms_are_scored_by_different_judges(tmp_path):
    assert "judges" not in printed(make_plan(grid(tmp_path, PLAIN), False, (), (), {}), width=300)
    text = PLAIN.replace("none: []", "none: [reward.open_box=ignored]")
    said = " ".join(printed(make_plan(grid(tmp_path, text), False, (), (), {}), width=400).split())
    assert "judges 2 of them, so differences in scores are partly theirs: the verifier with open_box=ignored" in said


def test_a_sampler_with_probabilities_above_one_is_told_of_once(capsys, monkeypatch):
    monkeypatch.setattr("harness.rollouts.generate._TOLD", set())
    samples = random_samples()
    warn_positive_log_probs(samples)
    assert capsys.readouterr().err == ""
    samples.log_probs[samples.response_mask] += 100
    warn_positive_log_probs(samples)
    warn_positive_log_probs(samples)
    assert capsys.readouterr().err.count("hint: the sampler's log_probs[") == 1
