from dataclasses import replace

from analysis.stats.contrasts import Contrast, list_contrasts
from harness.records.record import Control
from tests.analysis.samples import CELLS, STUDY

# 0 none easy, 1 group easy, 2 none hard, 3 group hard


def test_every_cell_but_the_baselines_is_compared():
    assert list_contrasts(STUDY) == (
        Contrast(1, 0, "primary", "final/accuracy"),
        Contrast(3, 2, "primary", "final/accuracy"),
    )


def test_what_lies_outside_the_declared_slices_is_exploratory():
    study = replace(STUDY, primary=({"level": ("hard",)},))
    assert [contrast.family for contrast in list_contrasts(study)] == ["exploratory", "primary"]


def test_no_declared_slice_makes_everything_exploratory():
    assert {contrast.family for contrast in list_contrasts(replace(STUDY, primary=()))} == {"exploratory"}


def test_a_study_without_a_baseline_compares_nothing():
    assert list_contrasts(replace(STUDY, baseline={})) == ()


def test_a_control_is_a_family_of_its_own_under_its_own_metric():
    axes = {**STUDY.axes, "control": ("off", "lr")}
    cells = (*({**cell, "control": "off"} for cell in CELLS), {**CELLS[1], "control": "lr"})
    control = Control("lr", cells[4], "worse", "start/accuracy", "no policy survives it")
    study = replace(STUDY, axes=axes, cells=cells, cell_ids=("c0", "c1", "c2", "c3", "c4"), controls=(control,))
    assert list_contrasts(study)[-1] == Contrast(4, 1, "control", "start/accuracy")
    assert len(list_contrasts(study)) == 3


def test_the_twin_that_ran_stands_for_a_baseline_that_did_not():
    study = replace(STUDY, twins=((CELLS[0], CELLS[2]),), once=True)
    assert [(contrast.arm, contrast.baseline) for contrast in list_contrasts(study)] == [(1, 0), (3, 0)]
    assert [(contrast.arm, contrast.baseline) for contrast in list_contrasts(study, {2})] == [(1, 0), (3, 2)]
