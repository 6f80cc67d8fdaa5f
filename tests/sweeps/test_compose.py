from random import Random

import pytest
import yaml

from harness.common.schema import SchemaError
from harness.config.compose import compose_config, compose_fast
from sweeps.grid.cells import compose_cells, list_overrides, select_cells
from sweeps.grid.grid import find_grid, list_grid_names, read_grid
from tests.sweeps.grids import PLAIN, grid


def composed(folder, text=PLAIN):
    found = grid(folder, text)
    return compose_cells(found, select_cells(found, full=True).cells)


def refusal(folder, text):
    with pytest.raises(SchemaError) as caught:
        composed(folder, text)
    return str(caught.value)


def test_every_cell_has_its_own_settings(tmp_path):
    cells = composed(tmp_path).cells
    assert len({cell.cell_id for cell in cells}) == 4
    assert cells[3].config.reward.wrong == -1.0
    assert list(cells[3].config.tricks) == ["group_norm"]


def test_a_combination_that_a_rule_refuses_is_a_result_and_not_an_error(tmp_path):
    two = PLAIN.replace("group_norm={}", 'group_norm={}", "+tricks.batch_norm={}')
    found = composed(tmp_path, two)
    assert len(found.cells) == 2
    assert {refusal.because for refusal in found.refused} == {"batch_norm and group_norm both set advantages; keep one"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "reward=plus_minus_one",
            "reward=plus_minus_on",
            "axes.reward_scale.plus_minus_one: reward=plus_minus_on: no such option; did you mean 'plus_minus_one'?",
        ),
        (
            "group_norm=",
            "grop_norm=",
            "axes.norm.group: unknown trick 'grop_norm'; did you mean 'group_norm'?",
        ),
        (
            "reward=zero_one]",
            "preset=grop]",
            "axes.reward_scale.zero_one: unknown preset 'grop'; did you mean 'grpo'?",
        ),
        (
            "reward=zero_one]",
            "emulate=slim]",
            "axes.reward_scale.zero_one: unknown dialect 'slim'; did you mean 'slime'?",
        ),
        (
            "group_norm={}",
            "group_norm={epss: 1}",
            "axes.norm.group: group_norm.epss: no such setting; did you mean 'eps'?",
        ),
        (
            "seeds:",
            "overrides: [stps=3]\nseeds:",
            "overrides: stps: no such setting; did you mean 'steps'?",
        ),
        (
            "reward=zero_one]",
            "model.path=builtin:small_bse]",
            "axes.reward_scale.zero_one: model.path 'builtin:small_bse': no embedded model has this name; "
            "did you mean builtin:small_base?",
        ),
    ],
)
def test_what_cannot_be_composed_is_named_by_axis_and_label(tmp_path, old, new, message):
    assert refusal(tmp_path, PLAIN.replace(old, new)) == f"plain.yaml: {message}"


def test_two_label_sets_for_the_same_settings_share_their_runs(tmp_path):
    cells = composed(tmp_path, PLAIN.replace("reward=plus_minus_one", "reward=zero_one")).cells
    assert [cell.cell_id for cell in cells[:2]] == [cell.cell_id for cell in cells[2:]]


def test_a_trick_left_out_of_a_preset_that_lacks_it_is_refused_like_any_combination(tmp_path):
    text = PLAIN.replace("zero_one: [reward=zero_one]", "zero_one: [preset=grpo]")
    found = composed(tmp_path, text.replace("group_norm={}", "group_norm=null"))
    assert [refusal.labels["reward_scale"] for refusal in found.refused] == ["plus_minus_one"]
    because = "group_norm: nothing to leave out, preset vanilla_ppo has no group_norm; it has no trick"
    assert found.refused[0].because == because


@pytest.mark.parametrize("name", list_grid_names())
def test_every_quick_cell_of_our_grids_can_run(name):
    found = read_grid(find_grid(name))
    result = compose_cells(found, select_cells(found, full=False).cells)
    assert result.cells
    assert bool(result.refused) == (name == "dialects")  # where a refusal is a result
    assert all("leave emulate out" in refusal.because for refusal in result.refused)


@pytest.mark.parametrize("name", list_grid_names())
def test_a_random_cell_of_every_grid_is_composed_as_hydra_does(name):
    draws = Random(name)
    written = yaml.safe_load(find_grid(name).read_text(encoding="utf-8"))
    for profile in ("laptop", *written.get("profiles", {})):
        grid = read_grid(find_grid(name), profile)
        points = select_cells(grid, full=True).cells
        for point in draws.sample(points, 1):
            assert compose_fast(list_overrides(grid, point)) == compose_config(list_overrides(grid, point))
