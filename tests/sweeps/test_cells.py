from sweeps.grid.cells import format_labels, list_overrides, select_cells
from tests.sweeps.grids import PLAIN, grid


def test_axes_are_crossed_in_the_order_of_the_file(tmp_path):
    cells = select_cells(grid(tmp_path), full=False).cells
    assert [format_labels(cell) for cell in cells] == [
        "reward_scale=zero_one norm=none",
        "reward_scale=zero_one norm=group",
        "reward_scale=plus_minus_one norm=none",
        "reward_scale=plus_minus_one norm=group",
    ]


def test_a_skipped_cell_is_left_out_and_keeps_its_reason(tmp_path):
    found = select_cells(
        grid(tmp_path, PLAIN + "skip: [{norm: group, reward_scale: zero_one, because: dull}]"), full=True
    )
    assert {"reward_scale": "zero_one", "norm": "group"} not in found.cells
    [(part, points)] = found.skipped
    assert part.because == "dull"
    assert points == ({"reward_scale": "zero_one", "norm": "group"},)


def test_quick_slices_are_united_and_full_crosses_all(tmp_path):
    both = grid(tmp_path, PLAIN + "quick: [{norm: none}, {reward_scale: zero_one}]")
    assert len(select_cells(both, full=False).cells) == 3  # both norms at zero_one, and none at plus_minus_one
    assert len(select_cells(both, full=True).cells) == 4


def test_a_reason_that_no_chosen_cell_needs_is_not_given(tmp_path):
    text = PLAIN + "quick: [{norm: none}]\nskip: [{norm: group, because: dull}]"
    assert select_cells(grid(tmp_path, text), full=False).skipped == ()


def test_common_overrides_come_before_those_of_the_axes(tmp_path):
    found = grid(tmp_path, PLAIN + "overrides: [steps=2]")
    assert list_overrides(found, {"reward_scale": "zero_one", "norm": "none"}) == ("steps=2", "reward=zero_one")
