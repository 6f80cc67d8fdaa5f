import pytest

from harness.common.schema import SchemaError
from harness.config.experiment import load_config
from sweeps.grid.tuned import find_hyperparameter
from tests.sweeps.grids import PLAIN, TINY
from tests.sweeps.tuning import MODELS, chosen

ONE = PLAIN + TINY  # without an axis "model"
GPU = "profiles: {gpu: {seeds: [7, 1002]}}\n"


def test_each_model_is_tuned_at_the_baseline(tmp_path):
    base, aligned = chosen(tmp_path)
    assert (base.label, base.cell) == ("base", {"model": "base", "norm": "none"})
    assert (aligned.label, aligned.cell) == ("aligned", {"model": "aligned", "norm": "none"})
    assert (base.config.model.path, aligned.config.model.path) == ("builtin:small_base", "builtin:small_aligned")


def test_a_grid_without_models_is_tuned_once(tmp_path):
    (subject,) = chosen(tmp_path, ONE)
    assert (subject.label, subject.cell) == ("all", {"reward_scale": "zero_one", "norm": "none"})


def test_labels_may_be_chosen(tmp_path):
    (subject,) = chosen(tmp_path, at={"model": "aligned", "norm": "group"})
    assert subject.cell == {"model": "aligned", "norm": "group"}
    assert "group_norm" in subject.config.update_rule().tricks


def test_quick_slices_come_first_and_other_cells_where_they_hold_none(tmp_path):
    text = MODELS + "quick: [{model: base, norm: group}]\n"
    base, aligned = chosen(tmp_path, text)
    assert base.cell == {"model": "base", "norm": "group"}
    assert aligned.cell == {"model": "aligned", "norm": "none"}


def test_controls_are_off(tmp_path):
    control = "{at: {model: base, norm: none}, overrides: [optim.lr=1.0], expect: worse, because: it is too high}"
    base, _ = chosen(tmp_path, MODELS + f"controls: {{hot: {control}}}\n")
    assert base.cell == {"model": "base", "norm": "none", "control": "off"}


def test_trials_train_on_the_part_for_tuning_alone(tmp_path):
    assert {subject.config.data.part for subject in chosen(tmp_path)} == {"tuning"}


def test_the_learning_rate_ranges_over_a_decade_on_each_side_of_the_grids_own(tmp_path):
    (subject,) = chosen(tmp_path, ONE)
    assert (subject.low, subject.own, subject.high) == pytest.approx((3e-5, 3e-4, 3e-3))


def test_the_clip_bound_ranges_around_what_has_been_published(tmp_path):
    (subject,) = chosen(tmp_path, ONE, knob="clip_ratio_high")
    assert (subject.low, subject.own, subject.high) == (0.1, 0.2, 0.5)


def test_range_and_length_may_be_given(tmp_path):
    (subject,) = chosen(tmp_path, ONE, low=1e-6, high=1e-5, steps=7)
    assert (subject.low, subject.high, subject.config.steps) == (1e-6, 1e-5, 7)


@pytest.mark.parametrize("knob", ["lr", "clip_ratio_high"])
@pytest.mark.parametrize("extra", ["preset=grpo", "+tricks.clip_higher={clip_ratio_low: 0.1}"])
def test_a_trial_has_the_config_that_the_grid_will_have(tmp_path, knob, extra):
    text = ONE.replace("overrides: [", f'overrides: ["{extra}", ')
    (subject,) = chosen(tmp_path, text, knob=knob)
    told = (extra, *TINY.strip()[len("overrides: [") : -1].split(", "), "reward=zero_one", "data.part=tuning")
    assert subject.at(0.25) == load_config(*told, find_hyperparameter(knob).override(0.25))
    assert subject.at(0.25).cell_id() != subject.config.cell_id()


@pytest.mark.parametrize("knob", ["group_norm", "preset", "optim.lr", "eps"])
def test_anything_but_a_continuous_knob_is_refused(knob):
    with pytest.raises(SchemaError) as caught:
        find_hyperparameter(knob)
    assert str(caught.value) == (
        f"knob={knob}: continuous knobs only, lr or clip_ratio_high; a trick is an axis of a grid"
    )


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        (MODELS, {"seeds": (1, 1001)}, "seeds: the grid has 1; tune on others, such as 1001,1002"),
        (MODELS + GPU, {}, "seeds: the grid has 1002; tune on others"),  # under another profile
        (MODELS, {"low": 1.0, "high": 0.5}, "low=1, high=0.5: low must be above 0 and below high"),
        (MODELS, {"low": 1.0}, "low=1, high=0.003: low must be above 0"),
        (MODELS, {"at": {"norm": "batch"}}, "at=norm=batch: no label 'batch'; known: group, none"),
        (MODELS, {"at": {"nrm": "none"}}, "at=nrm=none: no axis 'nrm'; did you mean 'norm'?"),
        (
            MODELS.replace('"+tricks.group_norm={}"', "optim.lr=1.0e-4"),
            {},
            "plain.yaml: axes.norm.group: sets optim.lr, so it is an axis of this grid",
        ),
        (
            MODELS.replace('"+tricks.group_norm={}"', "preset=dapo"),
            {"knob": "clip_ratio_high"},
            "plain.yaml: axes.norm.group: sets tricks.clip_higher.clip_ratio_high, so it is an axis",
        ),
        (
            ONE.replace("steps=2", "steps=2, optim.updates_per_rollout=1"),
            {"knob": "clip_ratio_high"},
            "clip_ratio_high cannot act: with optim.updates_per_rollout=1 every ratio is 1",
        ),
        (
            ONE.replace("steps=2", 'steps=2, "+tricks.cispo={}"'),
            {"knob": "clip_ratio_high"},
            "tricks.clip_higher.clip_ratio_high: cispo and clip_higher both set surrogate; keep one",
        ),
    ],
)
def test_what_cannot_be_tuned_is_refused_with_the_reason(tmp_path, text, given, message):
    with pytest.raises(SchemaError) as caught:
        chosen(tmp_path, text, **given)
    assert message in str(caught.value)


def test_what_lies_beside_the_learning_rate_is_no_axis_of_it(tmp_path):
    decay = MODELS.replace('"+tricks.group_norm={}"', "optim.weight_decay=0.1")
    assert len(chosen(tmp_path, decay)) == 2
