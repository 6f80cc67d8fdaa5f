"""A grid that stands on a tuning: what it takes over, what it records, and what it refuses."""

import hashlib

import pytest
import yaml

from harness.common.schema import SchemaError
from harness.records.failures import build_failed_record
from sweeps.grid.grid import read_grid
from sweeps.grid.tuned import find_hyperparameter, read_tuned_file
from sweeps.launch.environment import SweepError
from sweeps.options import TuneOptions
from sweeps.plan.plan import build_study, make_plan
from sweeps.tuning.result import TunedTarget, tuned_file, write_tuned
from sweeps.tuning.trial import TrialOutcome
from tests.sweeps.grids import PLAIN, TINY, write
from tests.sweeps.tuning import MODELS, chosen

OUTCOMES = {
    "base": (
        TrialOutcome(3e-4, "finished", 0.5, (0.4, 0.6), None, 9.0, "c0ffee", False),
        TrialOutcome(4.56e-4, "finished", 0.7, (0.65, 0.75), None, 10.0, "c0ffee", False),
        TrialOutcome(2e-3, "pruned", None, (), "seed 1001, step 1", 1.0, "c0ffee", False),
        TrialOutcome(9e-4, "finished", 0.6, (0.5, 0.7), None, 10.0, "decaf", False),
    ),
    "aligned": (
        TrialOutcome(1e-4, "finished", 0.9, (0.9, 0.9), None, 8.0, "c0ffee", False),
        TrialOutcome(1e-3, "failed", None, (), "ValueError: no", 1.0, "c0ffee", False),
    ),
}
CLIPPED = (TrialOutcome(0.28, "finished", 0.9, (0.9, 0.9), None, 8.0, "c0ffee", False),)
TUNED = MODELS + "tuned: plain.lr.yaml\n"


def tune(folder, text=MODELS, knob="lr", outcomes=OUTCOMES, **given):
    """The file that a tuning of the grid with these outcomes writes."""
    grid = read_grid(write(folder, text))
    arguments = TuneOptions(grid="plain", knob=knob, **given)
    found = [TunedTarget(subject, outcomes[subject.label]) for subject in chosen(folder, text, knob=knob, **given)]
    path = folder / f"plain.{knob}.yaml"
    write_tuned(path, tuned_file(grid, find_hyperparameter(knob), arguments, found))
    return path


def review(path, **changes):
    """What a person does: read it, change values, sign it."""
    document = yaml.safe_load(path.read_text())
    for label, value in changes.items():
        document["models"][label]["value"] = value
    path.write_text(yaml.safe_dump(document | {"reviewed": "A. Person, 2025-09-01"}, sort_keys=False))
    return path


def learning_rates(grid):
    cells = make_plan(grid, False, (), (), {}).cells
    return {(cell.labels["model"], cell.labels["norm"]): cell.config.optim.lr for cell in cells}


def test_the_file_comes_back_as_it_was_written(tmp_path):
    path = tune(tmp_path)
    file = read_tuned_file(path)
    again = tmp_path / "again.yaml"
    write_tuned(again, file)
    assert read_tuned_file(again) == file
    assert file.reviewed is None
    assert (file.knob, file.seeds, file.commits, file.seconds) == ("lr", (1001, 1002), ("c0ffee", "decaf"), 39.0)


def test_the_file_holds_every_trial_and_chooses_the_best_that_finished(tmp_path):
    base = read_tuned_file(tune(tmp_path)).models["base"]
    assert (base.value, base.objective) == (4.56e-4, 0.7)
    assert (base.own.value, base.own.objective) == (3e-4, 0.5)
    assert [trial.state for trial in base.trials] == ["finished", "finished", "pruned", "finished"]
    assert base.trials[2].stopped == "seed 1001, step 1"
    assert base.trials[1].seeds == (0.65, 0.75)
    assert base.path == "builtin:small_base"


def test_the_file_tells_the_reader_how_flat_the_optimum_is_and_where_it_was_cut_off(tmp_path):
    base, aligned = read_tuned_file(tune(tmp_path)).models.values()
    assert base.flat is not None
    # Seeds differ by 0.2, 0.1 and 0.2, by 0.1667 on the mean; half of 0.0333, -0.0667 and 0.0333 is left, with both
    # signs: s² = 2 (2 * 0.0333² + 0.0667²) / 4 / (2 * 1) = 0.001667, and t of two degrees of freedom is 4.3027:
    # noise = 4.3027 * 0.0408 = 0.176. The best has 0.7, so that 0.6 lies within it and 0.5 does not.
    assert (base.flat.low, base.flat.high, base.flat.trials) == (4.56e-4, 9e-4, 2)
    assert base.notes == (
        "2 of 3 finished values, from 0.000456 to 0.0009, lie within the noise of the best (0.176, from 2 seeds)",
    )
    assert aligned.flat is None
    assert aligned.notes == ("1 values finished: too few to say how flat the optimum is",)


def test_no_gain_over_the_grids_own_value_is_said_to_be_none(tmp_path):
    alike = (*OUTCOMES["base"][1:], TrialOutcome(3e-4, "finished", 0.65, (0.55, 0.75), None, 9.0, "c0ffee", False))
    notes = read_tuned_file(tune(tmp_path, outcomes={**OUTCOMES, "base": alike})).models["base"].notes
    assert "the grid's own value, 0.0003, lies among them: tuning shows no gain" in notes


def test_the_best_at_the_end_of_what_was_tried_is_said_to_be(tmp_path):
    rising = (*OUTCOMES["base"], TrialOutcome(2.5e-3, "finished", 0.9, (0.9, 0.9), None, 1.0, "c0ffee", False))
    notes = read_tuned_file(tune(tmp_path, outcomes={**OUTCOMES, "base": rising})).models["base"].notes
    assert notes[-1] == (
        "the best is the largest value that finished: the optimum may lie beyond it; try another high="
    )


def test_a_grid_takes_the_value_of_each_model_in_all_of_its_cells(tmp_path):
    review(tune(tmp_path))
    assert learning_rates(read_grid(write(tmp_path, TUNED))) == {
        ("base", "none"): 4.56e-4,
        ("base", "group"): 4.56e-4,
        ("aligned", "none"): 1e-4,
        ("aligned", "group"): 1e-4,
    }


def test_the_reviewer_may_choose_another_finished_trial(tmp_path):
    review(tune(tmp_path), base=9e-4)
    assert learning_rates(read_grid(write(tmp_path, TUNED)))["base", "none"] == 9e-4


def test_an_axis_may_still_vary_the_knob(tmp_path):
    review(tune(tmp_path))
    varied = TUNED.replace("none: []", "none: [optim.lr=1.0e-5]").replace(
        '"+tricks.group_norm={}"', '"+tricks.group_norm={}", optim.lr=2.0e-5'
    )
    rates = learning_rates(read_grid(write(tmp_path, varied)))
    assert (rates["base", "none"], rates["base", "group"]) == (1e-5, 2e-5)


def test_a_control_may_set_the_knob(tmp_path):
    review(tune(tmp_path))
    control = "{at: {model: base, norm: none}, overrides: [optim.lr=1.0], expect: worse, because: it is too high}"
    cells = make_plan(read_grid(write(tmp_path, TUNED + f"controls: {{hot: {control}}}\n")), True, (), (), {}).cells
    rates = {cell.labels["control"]: cell.config.optim.lr for cell in cells if cell.labels["model"] == "base"}
    assert rates == {"off": 4.56e-4, "hot": 1.0}


def test_a_tuned_grid_trains_on_problems_that_the_tuning_did_not_use(tmp_path):
    review(tune(tmp_path))
    plan = make_plan(read_grid(write(tmp_path, TUNED)), False, (), (), {})
    assert {run.config.data.part for run in plan.runs} == {"ablation"}


def test_runs_and_study_name_the_tuning(tmp_path):
    path = review(tune(tmp_path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    plan = make_plan(read_grid(write(tmp_path, TUNED)), False, (), (), {"commit": "c0ffee"})
    assert {run.provenance["tuning"] for run in plan.runs} == {f"plain.lr.yaml sha256:{digest}"}
    assert {run.provenance["commit"] for run in plan.runs} == {"c0ffee"}
    made = build_study(plan, ())
    said = f"plain.lr.yaml sha256:{digest}: lr base=0.000456, aligned=0.0001; tuned on seeds 1001, 1002"
    assert made.tuning == said


def test_a_grid_without_a_tuning_records_none(tmp_path):
    plan = make_plan(read_grid(write(tmp_path, MODELS)), False, (), (), {})
    assert build_study(plan, ()).tuning is None
    assert all("tuning" not in run.provenance for run in plan.runs)
    assert {run.config.data.part for run in plan.runs} == {"all"}


def test_a_second_knob_stands_on_the_first(tmp_path):
    review(tune(tmp_path))
    path = tune(tmp_path, TUNED, "clip_ratio_high", {"base": CLIPPED, "aligned": CLIPPED})
    file = read_tuned_file(review(path))
    assert file.stands_on is not None
    assert file.stands_on.startswith("plain.lr.yaml sha256:")
    grid = read_grid(write(tmp_path, MODELS + "tuned: plain.clip_ratio_high.yaml\n"))
    configs = [cell.config for cell in make_plan(grid, False, (), (), {}).cells]
    assert [config.optim.lr for config in configs] == [4.56e-4, 4.56e-4, 1e-4, 1e-4]
    assert {config.update_rule().tricks["clip_higher"].clip_ratio_high for config in configs} == {0.28}


def test_a_grid_without_models_stands_on_one_value(tmp_path):
    text = PLAIN + TINY
    review(tune(tmp_path, text, "clip_ratio_high", {"all": CLIPPED}))
    grid = read_grid(write(tmp_path, text + "tuned: plain.clip_ratio_high.yaml\n"))
    rules = [cell.config.update_rule() for cell in make_plan(grid, False, (), (), {}).cells]
    assert [rule.tricks["clip_higher"].clip_ratio_high for rule in rules] == [0.28] * 4


def test_a_profile_may_stand_on_a_file_of_its_own(tmp_path):
    review(tune(tmp_path))
    text = MODELS + "profiles: {laptop: {tuned: plain.lr.yaml}, other: {}}\n"
    assert read_grid(write(tmp_path, text)).tuned is not None
    assert read_grid(write(tmp_path, text), "other").tuned is None


def test_runs_of_models_that_were_not_tuned_do_not_disturb_the_record(tmp_path):
    records = untuned_records(tmp_path)
    path = review(tune(tmp_path, at={"model": "base"}))
    assert list(read_tuned_file(path).models) == ["base"]
    grid = read_grid(write(tmp_path, TUNED + "quick: [{model: base}]\n"))
    made = build_study(make_plan(grid, False, (), records, {}), records)
    assert {cell["model"] for cell in made.cells} == {"base"}


def untuned_records(folder):
    runs = make_plan(read_grid(write(folder, MODELS)), False, (), (), {}).runs
    return [build_failed_record(run.head, "any") for run in runs]


def refusal(folder, text, seeds=None):
    with pytest.raises(SchemaError) as caught:
        make_plan(read_grid(write(folder, text), seeds=seeds), False, (), (), {})
    return str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    assert f"plain.yaml: tuned: no file plain.lr.yaml in {tmp_path} or sweeps/tuned; make tune writes" in refusal(
        tmp_path, TUNED
    )


def test_an_unreviewed_file_is_refused(tmp_path):
    path = tune(tmp_path)
    said = "plain.yaml: tuned: plain.lr.yaml is not reviewed; read it, then write your name and the date"
    assert said in refusal(tmp_path, TUNED)
    path.write_text(path.read_text().replace("reviewed: null", "reviewed: '  '"))
    assert said in refusal(tmp_path, TUNED)


def test_a_grid_with_a_seed_of_the_tuning_is_refused(tmp_path):
    review(tune(tmp_path))
    said = "plain.yaml: seeds: 1002 tuned plain.lr.yaml; give the ablation other seeds"
    assert said in refusal(tmp_path, TUNED.replace("seeds: [0, 1]", "seeds: [0, 1002]"))
    assert said in refusal(tmp_path, TUNED, seeds=(1002,))


def test_a_tuning_of_other_models_is_refused(tmp_path):
    review(tune(tmp_path))
    other = TUNED.replace("aligned: [model=small_aligned]", "large: [model=large_base]")
    said = "model=large norm=none: tuned: plain.lr.yaml is a tuning of base, aligned, not of large; tune this grid"
    assert said in refusal(tmp_path, other)


def test_a_label_that_means_another_model_is_refused(tmp_path):
    review(tune(tmp_path))
    other = TUNED.replace("[model=small_aligned]", "[model=large_aligned]")
    said = "tuned: plain.lr.yaml tuned builtin:small_aligned as aligned; this grid has builtin:large_aligned"
    assert said in refusal(tmp_path, other)


def test_a_grid_that_would_train_on_problems_of_the_tuning_is_refused(tmp_path):
    review(tune(tmp_path))
    said = "data.part: all holds problems of the tuning plain.lr.yaml; leave it out"
    assert said in refusal(tmp_path, TUNED.replace("[model=small_base]", "[model=small_base, data.part=all]"))


def test_an_axis_that_sets_the_knob_in_some_labels_is_refused(tmp_path):
    review(tune(tmp_path))
    partly = TUNED.replace("none: []", "none: [optim.lr=1.0e-5]")
    said = "axes.norm: none sets optim.lr and group would keep the value of plain.lr.yaml; set it in every label or in"
    assert said in refusal(tmp_path, partly)


def test_a_model_that_sets_the_knob_itself_is_refused(tmp_path):
    review(tune(tmp_path))
    said = "axes.model.base: sets optim.lr, which plain.lr.yaml tunes; leave it out"
    assert said in refusal(tmp_path, TUNED.replace("[model=small_base]", "[model=small_base, optim=smol]"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("value: 0.000456", "value: 5e-4", "models.base.value: no finished trial has the value 0.0005"),
        ("value: 0.000456", "value: 0.002", "models.base.value: no finished trial has the value 0.002"),  # pruned
        ("value: 0.000456", "value: high", "models.base.value: input should be a valid number, got 'high'"),
        ("knob: lr", "knob: norm", "models.base: no knob norm"),
        ("knob: lr", "nob: lr", "nob: no such setting; did you mean 'knob'?"),
        (
            "before: {}",
            "before: {clip_ratio_high: 0.2}",
            "models.base.before: these knobs differ from those of the first",
        ),
        ("seeds: [1001, 1002]", "seeds: [1001, 1002]\nseeds: [7]", "'seeds' is given twice"),
    ],
)
def test_a_file_that_does_not_hold_together_is_refused(tmp_path, old, new, message):
    path = tune(tmp_path)
    last = path.read_text().rpartition(old) if old == "before: {}" else path.read_text().partition(old)
    path.write_text(f"{last[0]}{new}{last[2]}")
    with pytest.raises(SchemaError) as caught:
        read_tuned_file(path)
    assert message in str(caught.value).replace("models.aligned.before", "models.base.before")


def test_a_model_without_a_finished_trial_is_refused_with_its_cause(tmp_path):
    with pytest.raises(SweepError, match="base: no trial finished; ValueError: no"):
        tune(tmp_path, outcomes={**OUTCOMES, "base": OUTCOMES["aligned"][1:]})
