"""Configurations of OpenRLHF and AReaL as their users have them, and what is said of each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tricks.frameworks.tables import LOOP, Option
from tricks.dialects.build import build_rule
from tricks.frameworks.explanation import Explanation, explain_options, setup_of
from tricks.frameworks.registry import find_framework
from tricks.frameworks.writing import export_rule


def explain(name: str, release: str, **options: Any) -> Explanation:
    """Explain options whose dots are written as two underscores."""
    given = [Option(key.replace("__", "."), value) for key, value in options.items()]
    return explain_options(find_framework(name), release, given)


def faults(found: Explanation) -> set[str]:
    return {fault.name for fault in found.faults}


OLD = {
    "advantage_estimator": "group_norm",
    "init_kl_coef": 0.0,
    "n_samples_per_prompt": 8,
    "eps_clip_low_high": [0.2, 0.28],
}
NEW = {
    "algo__advantage__estimator": "group_norm",
    "algo__kl__init_coef": 0.0,
    "rollout__n_samples_per_prompt": 8,
    "actor__eps_clip_low_high": [0.2, 0.28],
}


def test_old_and_dotted_names_spell_the_same_tricks():
    old, new = explain("openrlhf", "0.10.1.post2", **OLD), explain("openrlhf", "0.10.2", **NEW)
    assert old.tricks == new.tricks
    assert not old.unknown + new.unknown + old.unplaced + new.unplaced


def test_an_old_name_is_unknown_after_the_change_and_said_where_it_was_known():
    (unknown, *_) = explain("openrlhf", "0.11.2", advantage_estimator="rloo").unknown
    assert unknown.because == "openrlhf has it 0.5.9 to 0.10.1.post2, not in 0.11.2"


@pytest.mark.parametrize(
    ("release", "tricks", "fault"),
    [("0.8.4", {"rloo", "token_whitening"}, True), ("0.8.5", {"rloo"}, False)],
)
def test_rloo_is_whitened_up_to_0_8_4(release, tricks, fault):
    found = explain("openrlhf", release, advantage_estimator="rloo", init_kl_coef=0.0, n_samples_per_prompt=4)
    assert tricks == set(found.tricks) - {"clip", "token_mean"}
    assert ("rloo is whitened" in faults(found)) == fault


def test_the_correction_of_gspo_is_named_and_left_out():
    options = {**NEW, "actor__policy_loss_type": "gspo", "algo__advantage__is_correction_level": "token"}
    found = explain("openrlhf", "0.11.2", **options)
    assert found.rule is not None
    assert any("sampler's log-probs" in words for words in found.problems)
    assert "gspo with weights, by level" in faults(found)


def test_one_number_is_the_upper_bound_of_the_weights():
    options = {"algo__advantage__is_correction_level": "token", "algo__advantage__is_correction_threshold": 3.0}
    found = explain("openrlhf", "0.11.2", **NEW, **options)
    weights = {"cap": 3.0, "floor": 0.0, "outside": "drop", "level": "token"}
    assert found.tricks["truncated_is"] == weights


def test_a_critic_is_said_to_be_no_trick():
    found = explain("openrlhf", "0.11.2")
    assert any("critic" in words for words in found.problems)


NORM = {"actor__reward_norm__mean_level": "group", "actor__reward_norm__std_level": "group"}
PLAIN = {"actor__kl_ctl": 0.0, "gconfig__n_samples": 4}


def test_areals_default_has_no_baseline_and_a_kl_of_no_reference():
    found = explain("areal", "1.0.4")
    assert {"no baseline", "KL without a reference"} <= faults(found)
    assert any("without a reference model" in words for words in found.problems)
    assert "kl_to_go" not in found.tricks


def test_a_reference_makes_it_a_kl():
    found = explain("areal", "1.0.4", ref__path="own/model")
    assert found.tricks["kl_to_go"] == {"coef": 0.1, "estimator": "k1"}
    assert "KL without a reference" not in faults(found)


def test_a_section_takes_its_own_defaults_where_it_is_given():
    found = explain("areal", "1.0.4", **PLAIN, actor__adv_norm__eps=0.1)
    assert found.tricks["token_whitening"] == {"mean": "batch", "std": "batch", "eps": 0.1, "ddof": 1}


@pytest.mark.parametrize(("size", "hit"), [("${gconfig.n_samples}", False), (8, True)])
def test_groups_of_another_size_are_a_fault(size, hit):
    found = explain("areal", "1.0.4", **PLAIN, **NORM, actor__reward_norm__group_size=size)
    assert set(found.tricks) == {"group_norm", "clip", "token_mean"}
    assert ("groups of another size" in faults(found)) == hit


def test_weights_act_under_the_decoupled_loss_alone():
    weights = {"actor__rejection_sampling__upper": 2.0}
    off, on = (
        explain("areal", "1.0.4", **PLAIN, **NORM, **weights, actor__use_decoupled_loss=flag) for flag in (False, True)
    )
    assert "truncated_is" not in off.tricks
    assert on.tricks["truncated_is"] == {"level": "token", "outside": "drop", "cap": 2.0, "floor": 0.0}


@pytest.mark.parametrize("preset", ["reinforce_pp", "dapo", "liteppo", "gspo"])
def test_what_is_written_for_areal_is_a_configuration(preset):
    tricks = {"dynamic_sampling": None} if preset == "dapo" else {}
    rule = build_rule(preset, tricks, "areal", setup_of(LOOP))
    lines = {line.name: line.value for line in export_rule(find_framework("areal"), rule, LOOP).lines}
    assert "absent" not in lines.values()
    sized = {name for name in lines if name.endswith("_norm.group_size")}
    assert all(lines[name] == "${gconfig.n_samples}" for name in sized)
