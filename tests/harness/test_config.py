from __future__ import annotations

from dataclasses import asdict

import pytest

from harness.common.schema import SchemaError, build_dataclass
from harness.config.compose import compose_config
from harness.config.experiment import ExperimentConfig, check_config, load_config
from harness.config.groups import list_config_groups
from tricks.api import TrickError
from tricks.dialects.build import find_dialect
from tricks.presets import PRESETS


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["reward=zero_oen"], "reward=zero_oen: no such option; did you mean 'zero_one'?"),
        (["rollout.group_siz=3"], "rollout.group_siz: no such setting; did you mean 'group_size'?"),
        (["+rollout.group_siz=3"], "rollout.group_siz: no such setting; did you mean 'group_size'?"),
        (["modle=small_base"], "modle: no such setting; did you mean 'model'?"),
        (["modle.path=x"], "modle.path: no such setting; did you mean 'model'?"),
        (["seed.more=1"], "seed.more: no such setting"),
        (["--foo"], "--foo: write a setting as NAME=VALUE, such as seed=1"),
        (["rollout.group_size=three"], "rollout.group_size: input should be a valid integer, got 'three'"),
        (["rollout.group_size=0"], "rollout.group_size: input should be greater than or equal to 1, got 0"),
        (["rollout.temperature=0"], "rollout.temperature: input should be greater than 0, got 0"),
        (["seed=-1"], "seed: input should be greater than or equal to 0, got -1"),
        (["~model"], "model: required"),
        (["optim.epochs=3"], "optim.updates_per_rollout: 4 updates do not split over optim.epochs=3"),
        (
            ["rollout.prompts_per_batch=6"],
            "rollout.prompts_per_batch: 6 prompts do not split into 4 minibatches of whole groups",
        ),
        (["+tricks.clip_higher=3"], "tricks.clip_higher: input should be an object, got 3"),
        (["model.path=builtin:small_bse"], "did you mean builtin:small_base?"),
        (["data=math_easy"], "eval.benchmarks: arithmetic needs data.source=arithmetic, got paper;"),
        (["eval.problems=null"], "eval.problems: arithmetic has no fixed size; give a number"),
        (["data.source=file"], "data.path: source=file needs the path of a tier, and data.difficulties=[]"),
        (["data.difficulties=[]"], "data.difficulties: source=arithmetic needs at least one, and data.path=null"),
        (["eval.benchmarks=[]"], "eval.benchmarks: "),
        (["eval.benchmarks=[aime24,mat500]"], "eval.benchmarks[1]: "),
        (["eval.aime25=20"], "eval.aime25: "),
        (["+eval.samples_of.aime24=0"], "eval.samples_of.aime24: "),
    ],
)
def test_a_wrong_setting_is_named_with_its_path_and_the_way_out(overrides: list[str], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - SchemaError, or ModelError for the model's path
        load_config(*overrides)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["emulate=verll"], "unknown dialect 'verll'; did you mean 'verl'?"),
        (["preset=litepo"], "unknown preset 'litepo'; did you mean 'liteppo'?"),
        (["+tricks.cliphigher={}"], "unknown trick 'cliphigher'; did you mean 'clip_higher'?"),
        (
            ["+tricks.clip_higher.clip_ratio_hi=0.3"],
            "clip_higher.clip_ratio_hi: no such setting; did you mean 'clip_ratio_high'?",
        ),
        (
            ["+tricks.clip_higher.clip_ratio_high=much"],
            "clip_higher.clip_ratio_high: takes a number, got 'much'",
        ),
        (
            ["rollout.group_size=1", "+tricks.group_norm={}"],
            "group_norm: a group needs at least 2 samples, rollout.group_size is 1; set it higher, "
            "or single=raw without emulate",
        ),
        (
            ["preset=liteppo", "+tricks.group_norm={}"],
            "group_mean_batch_std and group_norm both set advantages; keep one",
        ),
        (
            ["+tricks.token_mean=null"],
            "token_mean: nothing to leave out, preset vanilla_ppo has no token_mean; it has no trick",
        ),
    ],
)
def test_tricks_that_cannot_be_laid_out_are_refused_before_anything_starts(overrides: list[str], message: str) -> None:
    with pytest.raises(TrickError) as caught:
        load_config(*overrides)
    assert str(caught.value) == message


@pytest.mark.parametrize("syntax", ["seed", "rollout.group_size=[3", "model=small_base,large_base", "a=${nowhere}"])
def test_hydra_errors_come_in_one_line(syntax: str) -> None:
    with pytest.raises(SchemaError) as caught:
        load_config(syntax)
    assert len(str(caught.value).splitlines()) == 1


def test_spelling_out_a_default_keeps_the_cell() -> None:
    plain, spelled = load_config("+tricks.clip_higher={}"), load_config("+tricks.clip_higher.clip_ratio_high=0.28")
    other = load_config("+tricks.clip_higher.clip_ratio_high=0.3")
    assert plain.cell_id() == spelled.cell_id() != other.cell_id()


def test_a_trick_that_equals_the_filler_keeps_the_cell() -> None:
    assert load_config("+tricks.sequence_mean={}").cell_id() == load_config().cell_id()


def test_the_seed_tells_runs_of_a_cell_apart_and_the_machine_does_not() -> None:
    one, two = load_config("seed=1"), load_config("seed=2", "backend.num_cpus=2")
    assert one.cell_id() == two.cell_id()
    assert (one.run_id(), two.run_id()) == (f"{one.cell_id()}-s1", f"{one.cell_id()}-s2")


@pytest.mark.parametrize(
    "option", [f"{group}={option}" for group, options in list_config_groups().items() for option in options]
)
def test_every_yaml_composes(option: str) -> None:
    elsewhere = option.startswith("data=") and "arithmetic" not in option
    overrides = (option, *(["eval=rigorous"] * elsewhere))
    if option == "model=smol":  # its files come with an extra, which need not be installed
        assert isinstance(build_dataclass(ExperimentConfig, compose_config(overrides)), ExperimentConfig)
    else:
        assert isinstance(load_config(*overrides), ExperimentConfig)


@pytest.mark.parametrize(
    "overrides",
    [
        ("tricks.token_mean=null", "tricks.sequence_mean={}"),
        ("+tricks.token_mean=null", "+tricks.sequence_mean={}"),
        ("~tricks.token_mean", "+tricks.sequence_mean.scope=update"),
    ],
)
def test_tricks_toggle_from_the_command_line(overrides: tuple[str, ...]) -> None:
    rule = load_config("preset=dapo_static", *overrides).update_rule()
    assert set(rule.tricks) == {"group_norm", "clip_higher", "overlong_filter", "sequence_mean"}


def test_a_setting_is_changed_over_those_of_the_preset() -> None:
    rule = load_config("preset=dapo_static", "tricks.clip_higher.clip_ratio_low=0.1").update_rule()
    clip = rule.tricks["clip_higher"]
    assert (clip.clip_ratio_low, clip.clip_ratio_high) == (0.1, 0.28)  # 0.28 is clip_higher's own


def test_a_config_names_the_release_that_it_emulates() -> None:
    assert load_config("preset=grpo", "emulate=verl").emulate == find_dialect("verl").spelled
    assert load_config("preset=grpo").emulate == "none"


def test_frameworks_that_compute_the_same_are_one_cell() -> None:
    ours, trl, oat = (load_config("preset=dr_grpo", f"emulate={name}") for name in ("none", "trl", "oat"))
    assert trl.update_rule().describe() == oat.update_rule().describe() != ours.update_rule().describe()
    assert trl.cell_id() == oat.cell_id() != ours.cell_id()


def test_the_rule_of_open_boxes_is_a_part_of_a_cell_where_it_is_not_the_default() -> None:
    reward, evaluation = "reward.open_box=ignored", "eval.open_box=ignored"
    ids = [load_config(*given).cell_id() for given in ((), ("reward.open_box=wrong",), (reward,), (evaluation,))]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_cells_of_before_the_rule_of_open_boxes_keep_their_ids() -> None:
    # Computed at commit b901489, which did not have the setting.
    assert load_config().cell_id() == "7ae0cdfd99"
    assert load_config("reward=plus_minus_one", "preset=dapo").cell_id() == "a9b2aa2e1a"


def test_a_config_that_was_recorded_before_newer_settings_is_read_and_keeps_its_id() -> None:
    recorded = asdict(load_config("reward=plus_minus_one", "preset=dapo"))
    recorded["reward"] = {name: recorded["reward"][name] for name in ("correct", "wrong")}
    del recorded["data"]["sha256"], recorded["eval"]["files"], recorded["eval"]["open_box"]
    assert check_config(recorded).cell_id() == "a9b2aa2e1a"


def test_a_rule_of_open_boxes_that_is_none_is_refused() -> None:
    with pytest.raises(SchemaError, match="reward.open_box"):
        load_config("reward.open_box=right")


def test_a_config_of_before_the_rule_of_open_boxes_is_read() -> None:
    composed = compose_config(())
    for part in ("reward", "eval"):
        del composed[part]["open_box"]
    assert build_dataclass(ExperimentConfig, composed) == load_config()


def test_what_a_framework_cannot_express_is_refused() -> None:
    with pytest.raises(TrickError, match="oat has no ratio of a whole response"):
        load_config("preset=gspo", "emulate=oat")


def test_a_preset_and_its_tricks_one_by_one_are_one_cell() -> None:
    by_hand = load_config("+tricks.group_mean_batch_std={}", "+tricks.token_mean={}")
    assert load_config("preset=liteppo").cell_id() == by_hand.cell_id()


def test_every_preset_composes_and_has_a_cell_of_its_own() -> None:
    assert len({load_config(f"preset={preset}").cell_id() for preset in PRESETS}) == len(PRESETS)


def test_four_updates_per_rollout_are_the_default() -> None:
    assert load_config().optim.updates_per_rollout == 4
