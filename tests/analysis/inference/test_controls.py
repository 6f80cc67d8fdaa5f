from dataclasses import replace

import pytest

from analysis.stats.noise_floor import check_known_effects
from analysis.study.runs import build_runs_frame, select_planned
from harness.records.record import Control
from tests.analysis.inference.studies import SIX
from tests.analysis.samples import CELLS, STUDY, run

CONTROL = Control("lr", {**CELLS[1], "control": "lr"}, "worse", "final/accuracy", "no policy survives it")
STUDIED = replace(
    STUDY,
    axes={**STUDY.axes, "control": ("off", "lr")},
    cells=(*({**cell, "control": "off"} for cell in CELLS), CONTROL.labels),
    cell_ids=("c0", "c1", "c2", "c3", "c4"),
    controls=(CONTROL,),
)


def effect(scores, seeds=6):
    records = [run(1, seed, 0.5) for seed in range(seeds)]
    records += [replace(run(1, seed, score), cell_id="c4", run_id=f"c4-s{seed}") for seed, score in enumerate(scores)]
    (found,) = check_known_effects(STUDIED, select_planned(build_runs_frame(records), STUDIED))
    return found


def test_a_known_effect_that_shows_is_called():
    found = effect([0.5 - each for each in SIX])
    assert (found.state, found.verdict.word, found.control) == ("called", "worse", CONTROL)


@pytest.mark.parametrize("sign", [1, 0])
def test_the_wrong_sign_and_no_effect_are_missed(sign):
    assert effect([0.5 + sign * each for each in SIX]).state == "missed"


def test_five_seeds_and_one_are_not_enough():
    assert effect([0.5 - each for each in SIX[:5]]).state == "not enough seeds"
    found = effect([0.1], seeds=1)
    assert (found.state, found.verdict) == ("not enough seeds", None)


def test_a_control_that_did_not_run_says_so():
    assert effect([]).state == "no runs"


def test_a_study_without_controls_has_none():
    assert check_known_effects(STUDY, select_planned(build_runs_frame([]), STUDY)) == ()
