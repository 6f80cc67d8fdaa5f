from dataclasses import replace

from analysis.report.curves import ARMS, group_arms
from tests.analysis import samples
from tests.analysis.report.samples import STUDY


def shown(study, ran):
    return [(group.title, [arm.cell for arm in group.arms]) for group in group_arms(study, ran)]


def test_a_setting_is_a_panel_with_its_baseline_first():
    study = replace(samples.STUDY, baseline={"norm": "group"})
    assert shown(study, range(4)) == [("level = easy", [1, 0]), ("level = hard", [3, 2])]


def test_cells_that_did_not_run_are_left_out():
    assert shown(samples.STUDY, {1}) == [("level = easy", [1])]
    assert shown(samples.STUDY, ()) == []


def test_a_control_has_a_panel_beside_the_cell_that_it_is_to_differ_from():
    assert shown(STUDY, range(4)) == [("", [0, 1, 2]), ("control lr: norm = none", [0, 3])]


def test_an_arm_looks_the_same_in_every_panel():
    (_, easy), (_, hard) = (group.arms for group in group_arms(samples.STUDY, range(4)))
    assert (easy.name, easy.color, easy.dash) == (hard.name, hard.color, hard.dash)


def test_many_arms_are_spread_evenly_and_the_baseline_stands_beside_each_part():
    cells = tuple({"arm": f"a{place}"} for place in range(ARMS + 2))  # a baseline and six more: three and three
    study = replace(
        samples.STUDY,
        axes={"arm": tuple(cell["arm"] for cell in cells)},
        baseline={"arm": "a0"},
        cells=cells,
        cell_ids=tuple(cell["arm"] for cell in cells),
    )
    found = group_arms(study, range(len(cells)))
    assert [[arm.cell for arm in group.arms] for group in found] == [[0, 1, 2, 3], [0, 4, 5, 6]]
    looks = {(arm.color, arm.dash) for group in found for arm in group.arms}
    assert len(looks) == len(cells)


def test_without_a_baseline_all_cells_share_panels_by_name():
    assert shown(replace(samples.STUDY, baseline={}), range(4)) == [("", [0, 1, 2, 3])]
    assert [arm.name for arm in group_arms(replace(samples.STUDY, baseline={}), range(4))[0].arms][1] == "easy, group"
