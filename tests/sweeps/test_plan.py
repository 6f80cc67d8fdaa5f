import io

import pytest
from rich.console import Console

from sweeps.plan.plan import build_study, make_plan
from sweeps.plan.report import print_header, print_plan
from tests.sweeps.grids import PLAIN, grid
from tests.sweeps.records import of_plan

LARGE = PLAIN.replace("zero_one: [reward=zero_one]", "zero_one: [reward=zero_one]\n    large: [model=large_base]")


def plan(folder, text=PLAIN, full=False, finished=(), records=(), once=False):
    return make_plan(grid(folder, text), full, finished, records, {"commit": "abc"}, once)


def printed(made, slots=2, width=60):
    console = Console(file=io.StringIO(), width=width)
    print_header(console, made.grid)
    print_plan(console, made, slots)
    return console.file.getvalue()


def test_every_cell_runs_with_every_seed(tmp_path):
    made = plan(tmp_path)
    assert len(made.runs) == 8
    assert len({run.run_id for run in made.runs}) == 8
    assert all(run.run_id == run.config.run_id() for run in made.runs)


def test_finished_runs_are_not_run_again(tmp_path):
    first = plan(tmp_path)
    again = plan(tmp_path, finished=[run.run_id for run in first.runs[:3]] + ["0123456789-s0"])
    assert {run.run_id for run in again.to_run} == {run.run_id for run in first.runs[3:]}
    assert len(again.finished) == 3


def test_the_longest_runs_come_first(tmp_path):
    made = plan(tmp_path, LARGE)
    assert [run.labels["reward_scale"] == "large" for run in made.to_run] == [True] * 4 + [False] * 8


def test_the_plan_says_how_many_runs_and_how_long(tmp_path):
    made = plan(tmp_path)
    text = " ".join(printed(made).split())
    assert "runs 8: 4 cells x 2 seeds" in text
    assert "to run 8" in text
    assert "2 runs at once, from constants measured on another machine; no run is recorded yet" in text


def test_the_plan_says_what_is_left_out_and_why(tmp_path):
    text = PLAIN.replace("group_norm={}", 'group_norm={}", "+tricks.batch_norm={}')
    made = plan(tmp_path, text + "skip: [{norm: none, reward_scale: zero_one, because: it is dull}]")
    said = " ".join(printed(made).split())
    assert "skipped 1 cell norm=none reward_scale=zero_one: it is dull" in said
    assert "refused 2 cells norm=group: batch_norm and group_norm both set advantages; keep one" in said


def test_the_plan_names_twins_by_what_cannot_matter_and_why(tmp_path):
    said = " ".join(printed(plan(tmp_path)).split())
    reason = "dividing by a deviation cancels the reward scale"
    assert f"twins norm=group: reward_scale cannot matter: {reason} kept as a control" in said


def test_the_plan_counts_what_running_each_class_once_would_spare(tmp_path):
    # one cell of four, with two seeds, at 32 * 8 responses of 64 tokens in 30 steps and two evaluations
    made = plan(tmp_path)
    spared = sum(run.seconds for run in made.runs if run.labels == made.cells[3].labels)
    said = " ".join(printed(made).split())
    assert f"TWINS=once saves 2 runs, {spared:.0f} s of run time" in said


def test_each_class_of_twins_can_run_once(tmp_path):
    made = plan(tmp_path, once=True)
    assert {tuple(run.labels.values()) for run in made.runs} == {
        ("zero_one", "none"),
        ("zero_one", "group"),
        ("plus_minus_one", "none"),
    }
    said = " ".join(printed(made).split())
    assert "runs 6: 3 of 4 cells x 2 seeds" in said
    assert "each class runs once, which saves 2 runs" in said


def test_the_first_of_a_class_that_runs_once_is_the_baseline(tmp_path):
    made = plan(
        tmp_path, PLAIN.replace("baseline: {norm: none}", "baseline: {reward_scale: plus_minus_one}"), once=True
    )
    assert made.twins[0].cells[0].labels == {"reward_scale": "plus_minus_one", "norm": "group"}
    assert ("zero_one", "group") not in {tuple(run.labels.values()) for run in made.runs}


def test_cells_with_the_same_settings_run_once_whatever_is_asked(tmp_path):
    made = plan(tmp_path, PLAIN.replace("reward=plus_minus_one", "reward=zero_one"))
    assert len(made.runs) == 4
    said = " ".join(printed(made).split())
    assert "twins reward_scale cannot matter (2 groups): the same settings in effect" in said
    assert "TWINS" not in said


def test_twins_that_are_part_of_an_axis_are_named(tmp_path):
    text = PLAIN.replace("zero_one: [reward=zero_one]", "half: [reward.correct=0.5]\n    zero_one: [reward=zero_one]")
    shifted = text.replace("reward=plus_minus_one", "reward.correct=2.0, reward.wrong=1.0")
    said = " ".join(printed(plan(tmp_path, shifted.replace("group_norm", "group_mean"))).split())
    assert "zero_one = plus_minus_one on reward_scale: a mean cancels what right and wrong earn alike" in said


def test_the_plan_names_tricks_that_cannot_act(tmp_path):
    text = PLAIN.replace("group_norm={}", "clip_higher={}") + "overrides: [optim.updates_per_rollout=1]\n"
    said = " ".join(printed(plan(tmp_path, text)).split())
    assert "idle clip_higher cannot act in 2 cells: with optim.updates_per_rollout=1 every ratio is 1" in said


def test_the_plan_tells_what_else_to_know_of_a_trick(tmp_path):
    text = PLAIN.replace("group_norm={}", "truncated_is={}")
    assert "hint" not in printed(plan(tmp_path, text))
    said = " ".join(printed(plan(tmp_path, text + "overrides: [rollout.top_p=0.9]\n")).split())
    assert "hint 2 cells: truncated_is: with top_p=0.9 its weights begin at the share of the mass" in said


def test_the_plan_says_that_quick_slices_are_not_all(tmp_path):
    said = " ".join(printed(plan(tmp_path, PLAIN + "quick: [{norm: none}]")).split())
    assert "part 2 of 4 cells, the quick slices; FULL=1 crosses all" in said


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_plan_fits_a_narrow_terminal(tmp_path, width):
    made = plan(tmp_path, PLAIN + "skip: [{norm: none, reward_scale: zero_one, because: it is dull and long to say}]")
    assert max(map(len, printed(made, width=width).splitlines())) <= width


def test_a_study_holds_the_planned_cells_with_their_ids(tmp_path):
    made = plan(tmp_path, PLAIN + "skip: [{norm: [none, group], reward_scale: zero_one, because: dull}]")
    kept = build_study(made, [])
    assert kept.cells == tuple(cell.labels for cell in made.cells)
    assert kept.cell_ids == tuple(cell.cell_id for cell in made.cells)
    assert [entry.labels["norm"] for entry in kept.skipped] == ["none", "group"]


def test_a_study_holds_its_twins_with_the_reasons(tmp_path):
    kept = build_study(plan(tmp_path, once=True), [])
    assert [cell["norm"] for cell in kept.twins[0]] == ["group", "group"]
    assert kept.because == (("dividing by a deviation cancels the reward scale",),)
    assert kept.once


def test_a_quick_sweep_does_not_hide_what_a_full_one_recorded(tmp_path):
    text = PLAIN + "quick: [{norm: none}]"
    full = plan(tmp_path, text, full=True)
    records = of_plan(full, 4)  # the first two cells, with both norms
    kept = build_study(plan(tmp_path, text), records)
    assert [tuple(cell.values()) for cell in kept.cells] == [
        ("zero_one", "none"),
        ("zero_one", "group"),
        ("plus_minus_one", "none"),
    ]


def test_a_study_names_the_seeds_that_are_recorded_too(tmp_path):
    made = plan(tmp_path)
    fewer = make_plan(grid(tmp_path, seeds=(0,)), False, (), (), {})
    assert build_study(fewer, of_plan(made, 8)).seeds == (0, 1)


def test_the_record_of_a_run_is_kept_apart_for_each_study(tmp_path):
    run = plan(tmp_path).runs[0]
    assert run.folder == f"plain.{run.run_id}"
    assert run.head.config["seed"] == 0
    assert run.head.rule["advantages"] == ("Normalize()",)
