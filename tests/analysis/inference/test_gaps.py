from dataclasses import replace
from math import nan

from analysis.stats.verdict import compute_verdicts, find_missing
from analysis.study.runs import build_runs_frame, select_planned
from tests.analysis.inference.studies import SIX, against_half, taken, wide
from tests.analysis.samples import CELLS, STUDY, failed, run

EASY = replace(STUDY, cells=CELLS[:2], cell_ids=("c0", "c1"))  # one contrast: group beside none


def only(study, frame):
    (gap,) = find_missing(study, frame)
    return gap


def test_nothing_is_missing_where_all_planned_seeds_count():
    study = replace(EASY, seeds=tuple(range(6)))
    assert find_missing(study, taken(study, against_half(SIX))) == ()


def test_no_runs_at_all_leave_the_whole_contrast_out():
    gap = only(EASY, taken(EASY, {}))
    assert (gap.contrast.arm, gap.whole, gap.seeds) == (1, True, (0, 1, 2))
    assert gap.because == "no seed in common; seed 0, 1, 2: norm = group not run yet and norm = none not run yet"


def test_one_seed_is_too_few_for_a_verdict():
    gap = only(EASY, taken(EASY, {0: [0.5], 1: [0.6]}))
    assert gap.whole
    assert gap.because.startswith("only one seed in common, so no spread is known; seed 1, 2: ")


def test_a_failed_run_is_named_with_its_error():
    records = [*(run(0, seed) for seed in range(3)), run(1, 0), run(1, 1), failed(1, 2)]
    frame = select_planned(build_runs_frame(records), EASY)
    gap = only(EASY, frame)
    assert (gap.whole, gap.seeds) == (False, (2,))
    assert gap.because == "seed 2: norm = group failed (OutOfMemoryError: no memory)"
    assert compute_verdicts(EASY, frame)[0].seeds == (0, 1)


def test_unequal_seeds_are_dropped_and_named():
    records = [*(run(0, seed) for seed in range(3)), *(run(1, seed) for seed in (1, 2, 7))]
    frame = select_planned(build_runs_frame(records), EASY)
    gap = only(EASY, frame)
    assert gap.because == "seed 0: norm = group not run yet; seed 7: norm = none not run yet"
    assert compute_verdicts(EASY, frame)[0].seeds == (1, 2)


def test_a_metric_that_some_runs_lack_is_named():
    records = [*(run(0, seed) for seed in range(3)), run(1, 0), run(1, 1, nan), run(1, 2)]
    assert (
        only(EASY, select_planned(build_runs_frame(records), EASY)).because
        == "seed 1: norm = group has no final/accuracy"
    )


def test_a_metric_that_no_run_has_is_named():
    study = replace(EASY, metric="final/pass@8")
    gap = only(
        study, select_planned(build_runs_frame([run(cell, seed) for cell in (0, 1) for seed in range(3)]), study)
    )
    assert gap.because.endswith("norm = group has no final/pass@8 and norm = none has no final/pass@8")


def test_a_study_without_a_baseline_says_so():
    study = replace(EASY, baseline={})
    assert only(study, taken(study, against_half(SIX))).because.startswith("the grid names no baseline")


def test_a_cell_whose_baseline_is_not_planned_is_named():
    study = replace(STUDY, cells=(CELLS[0], CELLS[1], CELLS[3]), cell_ids=("c0", "c1", "c3"), seeds=(0, 1))
    frame = select_planned(build_runs_frame([run(cell, seed) for cell in (0, 1) for seed in (0, 1)]), study)
    assert only(study, frame).because == "no baseline is planned for level = hard, norm = group"


def test_zero_variance_is_not_left_out():
    study = replace(EASY, seeds=tuple(range(6)))
    frame = taken(study, against_half([0.0] * 6))
    assert (find_missing(study, frame), len(compute_verdicts(study, frame))) == ((), 1)


def test_cells_with_the_same_settings_and_twins_that_do_not_run_say_so():
    same = replace(EASY, cell_ids=("c0", "c0"))
    assert only(same, taken(same, {0: SIX})).because == "the same settings in effect, and so the same runs"
    study = wide(twins=((CELLS[1], CELLS[3]),), once=True)
    gap = only(study, taken(study, {**against_half(SIX), 2: SIX}))
    assert (gap.contrast.arm, gap.because) == (3, "not run: twin of easy")


def test_an_arm_that_ran_for_its_baseline_too_says_so():
    study = replace(EASY, twins=((CELLS[1], CELLS[0]),), once=True, seeds=(0, 1))
    said = [gap.because for gap in find_missing(study, taken(study, {1: [0.5, 0.6]}))]
    assert said == ["also the baseline's run, as its twin: norm = group"]
