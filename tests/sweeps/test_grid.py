import pytest

from harness.common.schema import SchemaError
from sweeps.grid.grid import GRIDS, find_grid, list_grid_names, read_grid
from tests.sweeps.grids import PLAIN, grid, write


def refusal(folder, text, **chosen):
    with pytest.raises(SchemaError) as caught:
        grid(folder, text, **chosen)
    return str(caught.value)


def test_labels_are_kept_as_written(tmp_path):
    text = PLAIN.replace("zero_one:", "off:").replace("plus_minus_one:", "0.20:")
    assert list(grid(tmp_path, text).axes["reward_scale"]) == ["off", "0.20"]


def test_seeds_of_the_command_replace_those_of_the_profile(tmp_path):
    text = PLAIN + "profiles: {small: {seeds: [7]}}"
    assert grid(tmp_path, text, profile="small", seeds=(3, 4)).seeds == (3, 4)


def test_a_profile_replaces_the_axes_that_it_names(tmp_path):
    text = PLAIN + "profiles: {gpu: {axes: {reward_scale: {big: [reward=zero_one]}}, seeds: [7], overrides: [steps=1]}}"
    found = grid(tmp_path, text, profile="gpu")
    assert list(found.axes) == ["reward_scale", "norm"]
    assert list(found.axes["reward_scale"]) == ["big"]
    assert (found.seeds, found.overrides) == ((7,), ("steps=1",))
    assert grid(tmp_path, text).seeds == (0, 1)


def test_seeds_given_by_the_caller_win(tmp_path):
    assert grid(tmp_path, seeds=(4,)).seeds == (4,)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("skip: [{norm: grup, because: x}]", "skip[0].norm: no label 'grup'; did you mean 'group'?"),
        ("skip: [{nrom: group, because: x}]", "skip[0].nrom: no axis 'nrom'; did you mean 'norm'?"),
        ("skip: [{norm: group}]", "skip[0]: the reason is missing; write it under 'because'"),
        ("skip: [{because: x}]", "skip[0]: name the axes and labels to skip"),
        ("quick: [{norm: [none, bach]}]", "quick[0].norm: no label 'bach'; known: group, none"),
        ("quick: [{norm: []}]", "quick[0].norm: give a label or a list of labels"),
        ("profiles: {gpu: {axs: {}}}", "profiles.gpu.axs: no such setting; did you mean 'axes'?"),
        ("qestion: what", "qestion: no such setting; did you mean 'question'?"),
        ("seeds: [1]", "line 14: 'seeds' is given twice"),
        ("skip: [", "line 14: expected the node content, but found '<stream end>'"),
    ],
)
def test_a_wrong_grid_is_refused_with_file_and_path(tmp_path, wrong, message):
    assert refusal(tmp_path, PLAIN + wrong) == f"plain.yaml: {message}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("baseline: {norm: none}", "baseline: {norm: nil}", "baseline.norm: no label 'nil'; known: group, none"),
        ("baseline: {norm: none}", "baseline: {norm: [none, group]}", "baseline.norm: give one label"),
        ("seeds: [0, 1]", "seeds: [0, 0]", "seeds: 0 given twice"),
        ("seeds: [0, 1]", "seeds: []", "seeds: give at least one"),
        ("seeds: [0, 1]", "seeds: [-1]", "seeds: -1 is negative"),
        ("norm:\n", "because:\n", "axes.because: 'because' is the reason of a skip; give the axis another name"),
        ("    group:", "    none:", "line 11: 'none' is given twice"),
        ("  norm:", "  reward_scale:", "line 9: 'reward_scale' is given twice"),
        ("metric: final/accuracy\n", "", "metric: required"),
    ],
)
def test_a_wrong_part_is_refused_with_file_and_path(tmp_path, old, new, message):
    assert refusal(tmp_path, PLAIN.replace(old, new)) == f"plain.yaml: {message}"


def test_an_axis_without_labels_is_refused(tmp_path):
    text = PLAIN.replace('    none: []\n    group: ["+tricks.group_norm={}"]\n', "").replace("norm:\n", "norm: {}\n", 1)
    assert refusal(tmp_path, text) == "plain.yaml: axes.norm: give the axis at least one label"


def test_an_unknown_profile_is_refused_with_the_nearest(tmp_path):
    assert refusal(tmp_path, PLAIN, profile="lapto") == (
        "plain.yaml: profiles: no profile 'lapto'; did you mean 'laptop'?"
    )


def test_an_empty_file_is_refused_by_what_it_lacks(tmp_path):
    assert "plain.yaml: question: required" in refusal(tmp_path, "")


def test_an_unknown_grid_is_refused_with_the_nearest():
    with pytest.raises(SchemaError, match=r"^grid=norm_abltion: no such grid; did you mean 'norm_ablation'\?$"):
        find_grid("norm_abltion")


def test_a_path_names_a_grid_of_ones_own(tmp_path):
    path = write(tmp_path)
    assert find_grid(str(path)) == path


@pytest.mark.parametrize("name", list_grid_names())
def test_every_grid_can_be_read_under_all_its_profiles(name):
    laptop = read_grid(GRIDS / f"{name}.yaml")
    assert laptop.question.endswith("?")
    assert laptop.feeds[0] == "study"
