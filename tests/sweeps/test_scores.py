"""A metric that some runs will not record is refused before the first of them."""

from __future__ import annotations

import pytest

from harness.common.schema import SchemaError
from harness.records.record import CONTROL_AXIS, CONTROL_OFF
from harness.training.scores import predict_score_names
from sweeps.__main__ import main
from sweeps.grid.cells import compose_cells, select_cells
from sweeps.grid.file import read_derived_profiles, read_yaml
from sweeps.grid.grid import find_grid, list_grid_names, read_grid
from sweeps.plan.plan import make_plan, refuse_unknown_scores
from tests.sweeps.grids import PLAIN, TINY, grid, write

FEW = 12  # of so many cells one is composed, which takes the time of this file
WITH_CONTROL = """
controls:
  too_high:
    at: {reward_scale: zero_one, norm: none}
    overrides: [optim.lr=3.0e-3]
    expect: worse
    metric: METRIC
    because: it is too high
"""


def planned(folder, text):
    return make_plan(grid(folder, text), False, (), (), {"commit": "abc"})


def deciding(metric, text=PLAIN):
    return text.replace("metric: final/accuracy", f"metric: {metric}") + TINY


WRONG = {
    "final/acuracy": "final/accuracy",
    "eval/accuracy": "final/accuracy",
    "final/pass@16": "final/pass@2",
    "final/math500/avg@8": "final/arithmetic/avg@2",
    "train/fired/group_norm": "train/",
    "train/tokens_per_second": "train/",
    "train/parity/gap_max": "train/",
    "best/accuracy": "final/accuracy",
    "accuracy": "final/accuracy",
    "final/accuracy ": "final/accuracy",
}


@pytest.mark.parametrize(("metric", "near"), WRONG.items())
def test_a_score_that_no_run_records_is_refused_with_the_nearest_names(metric, near, tmp_path):
    with pytest.raises(SchemaError) as caught:
        planned(tmp_path, deciding(f'"{metric}"'))
    message = str(caught.value)
    assert message.startswith(f"plain.yaml: metric: no run of this grid records the score {metric!r}; did you mean ")
    assert near in message.partition(";")[2]
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    "metric", ["final/accuracy/se", "cost/tokens", "auc/accuracy", "final/arithmetic/pass@2", "train/policy/entropy"]
)
def test_a_score_that_every_run_records_is_accepted(metric, tmp_path):
    assert planned(tmp_path, deciding(metric)).grid.metric == metric


def test_the_score_of_ones_own_reward_can_decide_where_there_is_one(tmp_path):
    function = "overrides: [reward.function=tests.harness.rewards.share:digits, "
    with_reward = deciding("final/score").replace("overrides: [", function)
    assert planned(tmp_path, with_reward).grid.metric == "final/score"
    with pytest.raises(SchemaError, match="no run of this grid records the score 'final/score'"):
        planned(tmp_path, deciding("final/score"))


def test_what_a_profile_changes_counts(tmp_path):
    text = deciding("final/pass@2") + "profiles: {more: {overrides: [eval.samples=4]}}\n"
    planned(tmp_path, text)
    with pytest.raises(SchemaError, match="did you mean .*'final/pass@4'"):
        make_plan(grid(tmp_path, text, "more"), False, (), (), {"commit": "abc"})


def test_cells_that_lack_it_are_named(tmp_path):
    text = deciding("final/pass@2").replace("    group: [", "    four: [eval.samples=4]\n    group: [")
    with pytest.raises(SchemaError) as caught:
        planned(tmp_path, text)
    message = str(caught.value)
    assert "2 of 6 cells do not record the score 'final/pass@2': reward_scale=zero_one norm=four" in message
    assert "'final/pass@4'" not in message  # which the other cells lack


def test_a_trick_that_some_cells_lack_has_not_fired_in_them(tmp_path):
    with pytest.raises(SchemaError, match="cells do not record the score 'fired/group_norm': .*norm=none"):
        planned(tmp_path, deciding("fired/group_norm"))


def test_the_score_of_a_control_is_asked_of_its_own_two_cells(tmp_path):
    with pytest.raises(SchemaError) as caught:
        planned(tmp_path, deciding("final/accuracy") + WITH_CONTROL.replace("METRIC", "auc/acuracy"))
    assert str(caught.value).startswith("plain.yaml: controls.too_high.metric: no run of this grid records the score")
    assert "'auc/accuracy'" in str(caught.value)
    text = deciding("final/accuracy").replace("    group: [", "    four: [eval.samples=4]\n    group: [")
    planned(tmp_path, text + WITH_CONTROL.replace("METRIC", "final/pass@2"))


def test_both_faults_are_told_at_once(tmp_path):
    with pytest.raises(SchemaError) as caught:
        planned(tmp_path, deciding("final/acuracy") + WITH_CONTROL.replace("METRIC", "auc/acuracy"))
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == ["metric", "controls.too_high.metric"]


@pytest.mark.parametrize("command", ["plan", "run"])
def test_plan_and_sweep_end_before_the_first_run(command, tmp_path, capsys):
    path, results = write(tmp_path, deciding("final/acuracy")), tmp_path / "results"
    assert main([command, f"grid={path}", f"results={results}"]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "'final/accuracy'" in said.err
    assert not list(results.glob("runs/*"))


def every_profile():
    for name in list_grid_names():
        written = read_yaml(find_grid(name))
        for profile in sorted({"laptop", *(written.get("profiles") or {}), *read_derived_profiles()}):
            if (name, profile) != ("smoke", "smol"):  # needs the weights of a package
                yield name, profile


@pytest.mark.parametrize(("name", "profile"), list(every_profile()))
def test_every_grid_decides_by_a_score_that_its_runs_record(name, profile):
    written = read_grid(find_grid(name), profile)
    points = select_cells(written, full=True).cells
    some = [
        point
        for place, point in enumerate(points)
        if place % FEW == 0 or point.get(CONTROL_AXIS, CONTROL_OFF) != CONTROL_OFF
    ]
    cells = compose_cells(written, some).cells
    refuse_unknown_scores(written, cells)
    assert all(written.metric in predict_score_names(cell.config).certain for cell in cells)
