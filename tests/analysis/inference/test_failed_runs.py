"""Runs that failed for a reason of their arm are the worst outcome, in verdicts and in what shows them."""

import random
from dataclasses import replace
from math import inf, isnan, nan

import pytest

from analysis.report.judged import list_checks, list_left_out
from analysis.stats.noise_floor import check_known_effects
from analysis.stats.verdict import compute_verdicts, find_missing
from analysis.study.runs import build_runs_frame, select_planned
from analysis.tables.scores import build_study_table
from analysis.tables.verdicts import build_verdict_table
from harness.records.record import Control
from tests.analysis.inference.studies import SIX
from tests.analysis.samples import CELLS, STUDY, failed, run

DIVERGED = "Diverged: the gradient is not finite"
NODE = "NodeDiedError: the node of the run is gone"
ODD = "KeyError: 'logits'"
ONE = replace(STUDY, cells=CELLS[:2], cell_ids=("c0", "c1"), seeds=tuple(range(12)))  # one contrast


def frame(study, arm, baseline=(), error=DIVERGED):
    """Runs of cell 1 and its baseline, cell 0; None is a run that failed with this error."""
    baseline = baseline or [0.5] * len(arm)
    records = [
        failed(cell, seed, error) if value is None else run(cell, seed, value)
        for cell, values in ((0, baseline), (1, arm))
        for seed, value in enumerate(values)
    ]
    return select_planned(build_runs_frame(records), study)


def only(arm, baseline=(), error=DIVERGED, study=ONE):
    (verdict,) = compute_verdicts(study, frame(study, arm, baseline, error))
    return verdict


def noisy(mean, count=12, deviation=0.01):
    draws = random.Random(1)
    return [mean + draws.gauss(0, deviation) for _ in range(count)]


def test_survivors_are_not_called_better():
    arm = [value if seed % 2 else None for seed, value in enumerate(noisy(0.65))]
    verdict = only(arm, noisy(0.6))
    assert verdict.word == "inconclusive"
    assert verdict.said == "inconclusive: 6 of 12 seeds failed"
    assert (verdict.judged, len(verdict.seeds), verdict.difference > 0.03) == (12, 6, True)  # of survivors
    assert only(arm, noisy(0.6), NODE).word == "better"  # lost at random, as ever


def test_an_arm_that_diverges_under_every_seed_is_worse():
    verdict = only([None] * 6, noisy(0.6, 6))
    assert (verdict.word, verdict.said) == ("worse", "worse: 6 of 6 seeds failed")
    assert (verdict.p, verdict.seeds, verdict.improvement) == (2 / 2**6, (), pytest.approx(nan, nan_ok=True))
    assert all(map(isnan, (verdict.difference, *verdict.interval, verdict.detectable)))
    assert only([None] * 5, noisy(0.6, 5)).word == "exploratory"


def test_a_baseline_that_diverges_makes_the_arm_better():
    verdict = only(noisy(0.6, 10), [None] * 9 + [0.6])
    assert (verdict.word, verdict.said) == ("better", "better: 9 of 10 seeds failed in the baseline")


def test_seeds_under_which_both_diverge_are_ties():
    assert only([None] * 8, [None] * 8).said == "inconclusive: 8 of 8 seeds failed, 8 in the baseline"
    mixed = only([*noisy(0.7, 8), None, None], [*noisy(0.6, 8), None, None])
    assert (mixed.word, mixed.p) == ("better", 2 / 2**8)


def test_one_arm_that_lost_a_run_outside_leaves_the_pair_out_whatever_the_other_did():
    records = [*(run(0, seed, 0.5) for seed in range(11)), failed(0, 11, DIVERGED)]
    records += [*(run(1, seed, value) for seed, value in enumerate(noisy(0.6, 11))), failed(1, 11, NODE)]
    (verdict,) = compute_verdicts(ONE, select_planned(build_runs_frame(records), ONE))
    assert (verdict.failed, verdict.judged) == ((), 11)


def test_an_arm_with_a_failure_is_better_only_where_the_ranks_say_so():
    gains = [0.5 + 0.1 + 0.001 * seed for seed in range(11)]
    assert only([*gains, None]).word == "better"  # rank 12 against 1 to 11: p = 0.034
    assert only([*gains[:9], None]).word == "inconclusive"


def test_equivalence_is_never_concluded_with_a_failure():
    study = replace(ONE, margin=0.2)
    wobble = [0.5 + 0.001 * (-1) ** seed for seed in range(12)]
    assert only(wobble, study=study).word == "equivalent"
    for arm, baseline in (([*wobble[:11], None], ()), (wobble, [0.5] * 11 + [None])):
        verdict = only(arm, baseline, study=study)
        assert (verdict.word, verdict.p_equivalent) == ("inconclusive", 1.0)


def test_runs_lost_outside_change_nothing():
    arm = [0.5 + difference for difference in SIX]
    whole = frame(ONE, arm)
    lost = frame(ONE, [*arm, None], [0.5] * 7, NODE)
    assert compute_verdicts(ONE, lost) == compute_verdicts(ONE, whole)


def test_a_failure_for_no_known_reason_must_not_decide():
    arm = [*noisy(0.6, 9), None]
    assert only(arm, error=NODE).word == "better"
    assert only(arm, error=DIVERGED).word == "inconclusive"
    verdict = only(arm, error=ODD)
    assert verdict.said == "inconclusive: 1 of 10 seeds failed, 1 for no known reason"
    # All of it unknown leaves nothing to judge.
    assert compute_verdicts(ONE, frame(ONE, [None] * 10, error=ODD)) == ()
    assert find_missing(ONE, frame(ONE, [None] * 12, error=ODD))[0].whole


@pytest.mark.parametrize("score", [nan, inf, -inf])
def test_a_score_recorded_as_no_number_is_a_failure_of_the_arm(score):
    verdict = only([*noisy(0.6, 9), score])
    assert verdict.said == "inconclusive: 1 of 10 seeds failed"


def test_a_finished_run_without_the_score_that_others_have_is_judged_both_ways():
    records = [
        run(cell, seed, value)
        for cell, values in ((0, [0.5] * 10), (1, noisy(0.6, 10)))
        for seed, value in enumerate(values)
    ]
    records[-1] = replace(records[-1], scores={"final/length": 3.0})
    (verdict,) = compute_verdicts(ONE, select_planned(build_runs_frame(records), ONE))
    assert verdict.said == "inconclusive: 1 of 10 seeds failed, 1 for no known reason"


def test_a_cost_has_no_worst_end_so_that_a_diverged_arm_is_not_called_cheap():
    study = replace(ONE, metric="cost/tokens")
    records = [replace(run(0, seed), scores={"cost/tokens": 1000.0 + seed}) for seed in range(10)]
    runs = select_planned(build_runs_frame([*records, *(failed(1, seed, DIVERGED) for seed in range(10))]), study)
    assert compute_verdicts(study, runs)[0].said == "inconclusive: 10 of 10 seeds failed"


def controlled():
    control = Control("lr", {**CELLS[1], "control": "lr"}, "worse", "final/accuracy", "no policy survives it")
    cells = (*({**cell, "control": "off"} for cell in CELLS), control.labels)
    axes = {**STUDY.axes, "control": ("off", "lr")}
    study = replace(STUDY, axes=axes, cells=cells, cell_ids=("c0", "c1", "c2", "c3", "c4"), controls=(control,))
    return replace(study, seeds=tuple(range(6)))


def test_a_control_that_diverges_under_every_seed_is_called():
    study = controlled()
    gone = [replace(failed(1, seed, DIVERGED), cell_id="c4", run_id=f"c4-s{seed}") for seed in range(6)]
    taken = select_planned(build_runs_frame([*(run(1, seed, 0.5) for seed in range(6)), *gone]), study)
    (effect,) = check_known_effects(study, taken)
    assert (effect.state, effect.failures) == ("called", ", 6 of 6 seeds failed")
    assert next(list_checks(study, taken)).endswith("expected worse on final/accuracy: called, 6 of 6 seeds failed.")
    few = select_planned(build_runs_frame([*(run(1, seed, 0.5) for seed in range(4)), *gone[:4]]), study)
    assert check_known_effects(study, few)[0].state == "not enough seeds"


def test_a_family_counts_an_arm_without_survivors():
    study = replace(STUDY, seeds=tuple(range(10)))  # two contrasts
    records = [run(cell, seed, 0.5 + 0.001 * seed) for cell in (0, 2) for seed in range(10)]
    records += [run(1, seed, value) for seed, value in enumerate(noisy(0.6, 10))]
    records += [failed(3, seed, DIVERGED) for seed in range(10)]
    first, second = compute_verdicts(study, select_planned(build_runs_frame(records), study))
    assert (first.word, second.word, second.p_adjusted) == ("better", "worse", 2 / 2**10)


def test_gaps_tell_what_counts_as_the_worst_outcome_from_what_does_not_count():
    records = [run(0, seed, 0.5) for seed in range(12)]
    errors = {1: DIVERGED, 2: NODE, 3: ODD}
    records += [failed(1, seed, errors[seed]) if seed in errors else run(1, seed, 0.6) for seed in range(12)]
    taken = select_planned(build_runs_frame(records), ONE)
    gaps = {gap.counted: gap for gap in find_missing(ONE, taken)}
    assert {counted: gap.seeds for counted, gap in gaps.items()} == {"no": (2,), "worst": (1,), "both ways": (3,)}
    assert gaps["worst"].because == "seed 1: norm = group failed (Diverged: the gradient is not finite)"
    lines = list(list_left_out(ONE, taken))
    assert lines[0].startswith("norm = group: without seed 2; ")
    assert lines[1].startswith("norm = group: seed 1 failed, counted as the worst outcome; ")
    assert lines[2].startswith("norm = group: seed 3 failed for no known reason, judged both ways; ")


def entries(table, key):
    place = next(place for place, column in enumerate(table.columns) if column.key == key)
    return [str(row[place]) for row in table.rows]


def test_tables_show_the_count_beside_word_and_row():
    arm = [value if seed % 2 else None for seed, value in enumerate(noisy(0.65))]
    runs = build_runs_frame(
        [failed(1, seed, DIVERGED) if value is None else run(1, seed, value) for seed, value in enumerate(arm)]
        + [run(0, seed, value) for seed, value in enumerate(noisy(0.6))]
    )
    table = build_study_table(ONE, runs)
    assert entries(table, "verdict")[1] == "inconclusive: 6 of 12 seeds failed"
    assert entries(table, "failed seeds") == ["", "6 of 12"]
    (note,) = [note for note in table.notes if note.startswith("Failures")]
    assert note.startswith("Failures caused by the arm: the worst outcome in verdicts, in no mean or difference: ")
    judged = build_verdict_table(ONE, runs)
    assert entries(judged, "verdict") == ["inconclusive: 6 of 12 seeds failed"]
    assert [note for note in judged.notes if note.startswith("Failed seeds: ")]
    assert [note for note in judged.notes if note.startswith("Failed, counted as the worst outcome: ")]


def test_tables_hold_where_no_pair_finished():
    runs = build_runs_frame([failed(1, seed, DIVERGED) for seed in range(8)] + [run(0, seed, 0.5) for seed in range(8)])
    judged = build_verdict_table(ONE, runs)
    assert entries(judged, "verdict") == ["worse: 8 of 8 seeds failed"]
    assert "nan" not in " ".join(str(entry) for row in judged.rows for entry in row)
    assert entries(build_study_table(ONE, runs), "verdict")[1] == "worse: 8 of 8 seeds failed"


def test_tables_without_failures_say_nothing_of_them():
    runs = build_runs_frame([run(cell, seed, 0.5 + 0.01 * cell + 0.001 * seed) for cell in (0, 1) for seed in range(6)])
    table, judged = build_study_table(ONE, runs), build_verdict_table(ONE, runs)
    assert "failed seeds" not in [column.key for column in table.columns]
    assert not [note for note in (*table.notes, *judged.notes) if "ailed" in note]
