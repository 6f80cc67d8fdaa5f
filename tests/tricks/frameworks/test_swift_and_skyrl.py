"""Options of ms-swift and SkyRL whose default depends on another option, and the faults that they hit."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tricks.frameworks.tables import LOOP, Option
from tricks.dialects.build import build_rule
from tricks.frameworks.explanation import Explanation, explain_options, setup_of
from tricks.frameworks.registry import find_framework
from tricks.frameworks.writing import export_rule

A = "trainer.algorithm."


def explained(name: str, release: str = "", **options: Any) -> Explanation:
    """The explanation of options; a double underscore stands for the dot of a name."""
    given = [Option(key.replace("__", "."), value) for key, value in options.items()]
    return explain_options(find_framework(name), release, given)


def skyrl(release: str = "", **options: Any) -> Explanation:
    """The explanation of options of SkyRL's algorithm."""
    given = [Option(A + key.replace("__", "."), value) for key, value in options.items()]
    return explain_options(find_framework("skyrl"), release, given)


def exported(name: str, preset: str, release: str = "", **tricks: dict[str, Any]) -> dict[str, Any]:
    """The options that are written for a preset with changes."""
    emulate = f"{name}@{release}" if release else name
    rule = build_rule(preset, tricks, emulate, setup_of(LOOP))
    return {line.name: line.value for line in export_rule(find_framework(name), rule, LOOP, release).lines}


def faults(found: Explanation) -> set[str]:
    """The names of the faults that a configuration hits."""
    return {fault.name for fault in found.faults}


@pytest.mark.parametrize(
    ("options", "tricks"),
    [
        ({}, {"group_norm": {}, "kl_loss": {"coef": 0.04}}),
        ({"advantage_estimator": "rloo"}, {"rloo": {"std": "none"}, "kl_reward": {"coef": 0.04}}),
        (
            {"advantage_estimator": "reinforce_plus_plus", "beta": 0.0},
            {"group_mean_batch_std": {"about": "group"}},
        ),
        ({"advantage_estimator": "rloo", "kl_in_reward": False}, {"rloo": {"std": "none"}, "kl_loss": {"coef": 0.04}}),
        (
            {"advantage_estimator": "rloo", "scale_rewards": "gdpo"},
            {"group_norm": {}, "token_whitening": {"weights": "sequence"}, "kl_loss": {"coef": 0.04}},
        ),
    ],
)
def test_an_estimator_of_ms_swift_decides_the_scale_and_the_place_of_the_kl(
    options: dict[str, Any], tricks: dict[str, Any]
) -> None:
    found = explained("ms_swift", **options)
    loss = {"clip": {"clip_ratio_low": 0.2, "clip_ratio_high": 0.2, "dual_clip": None}, "sequence_mean": {}}
    assert found.tricks == {**tricks, **loss}
    assert not found.problems


@pytest.mark.parametrize(
    ("release", "steps", "hit"),
    [("4.5.3", 4, True), ("4.5.3", 1, False), ("4.6.0", 4, False), ("3.11.0", 4, True), ("3.10.3", 4, False)],
)
def test_accumulation_divides_ms_swifts_dapo_twice_up_to_a_release(release: str, steps: int, hit: bool) -> None:
    found = explained("ms_swift", release, loss_type="dapo", gradient_accumulation_steps=steps)
    assert ("accumulation divides twice" in faults(found)) is hit


def test_more_generation_steps_than_accumulation_are_a_fault_of_the_newest_ms_swift_too() -> None:
    name = "divides by the tokens of all updates"
    options: dict[str, Any] = {"loss_type": "dapo", "gradient_accumulation_steps": 2}
    assert name in faults(explained("ms_swift", steps_per_generation=8, **options))
    assert name not in faults(explained("ms_swift", steps_per_generation=2, **options))
    assert explained("ms_swift", steps_per_generation=8, **options).loop["updates_per_rollout"] == 4


def test_ms_swifts_cispo_shrinks_weights_unless_epsilon_high_is_set() -> None:
    found = explained("ms_swift", loss_type="cispo")
    assert found.tricks["cispo"] == {"low": 0.0, "high": 0.2}
    assert "cispo shrinks every weight" in faults(found)
    assert "cispo shrinks every weight" not in faults(explained("ms_swift", loss_type="cispo", epsilon_high=5.0))


def test_ms_swift_has_no_bound_on_the_kl_before_4_0_4() -> None:
    assert "KL without a bound" in faults(explained("ms_swift", "4.0.3"))
    assert "KL without a bound" not in faults(explained("ms_swift", "4.0.4"))


def test_the_default_punishment_of_length_is_written_as_a_fifth_of_the_limit() -> None:
    found = exported("ms_swift", "dapo")
    assert found["soft_cache_length"] == LOOP["max_response_length"] // 5
    assert found["reward_funcs"] == ["accuracy", "soft_overlong"]
    assert exported("skyrl", "dapo")[f"{A}overlong_buffer_len"] == LOOP["max_response_length"] // 5


@pytest.mark.parametrize(("name", "cache"), [("ms_swift", 102), ("skyrl", 204)])
def test_a_loop_without_a_limit_has_the_frameworks_own(name: str, cache: int) -> None:
    rule = build_rule("dapo", {}, name, setup_of({}))
    found = {line.name: line.value for line in export_rule(find_framework(name), rule, {}).lines}
    assert found["soft_cache_length" if name == "ms_swift" else f"{A}overlong_buffer_len"] == cache


def test_flags_with_dashes_and_sections_of_rays_yaml_are_the_same_options() -> None:
    options: dict[str, Any] = {"loss-type": "dapo", "train__beta": 0.0, "rollout__vllm_mode": "colocate"}
    found = explained("ms_swift", **options)
    assert "token_mean" in found.tricks
    assert "kl_loss" not in found.tricks
    assert not found.unknown


def test_a_correction_without_vllm_cannot_act() -> None:
    options: dict[str, Any] = {"rollout_importance_sampling_mode": "token_mask", "beta": 0.0}
    assert any("use_vllm" in sentence for sentence in explained("ms_swift", **options).idle)
    assert not any("use_vllm" in sentence for sentence in explained("ms_swift", use_vllm=True, **options).idle)


def test_skyrls_bounds_of_cispo_are_distances_from_1() -> None:
    assert skyrl(policy_loss_type="cispo").tricks["cispo"] == {"low": 1.0, "high": 6.0}
    assert "cispo raises small weights" in faults(skyrl(policy_loss_type="cispo"))
    found = exported("skyrl", "cispo", cispo={"low": 0.0, "high": 5.0})
    assert found[f"{A}cispo.cispo_eps_clip_low"] == 1.0
    assert found[f"{A}cispo.cispo_eps_clip_high"] == 4.0


@pytest.mark.parametrize(("release", "scope"), [("0.1.0", "micro_batch"), ("0.2.0", "update"), ("0.3.0", "update")])
def test_skyrls_token_mean_is_of_the_micro_batch_in_its_first_release(release: str, scope: str) -> None:
    found = skyrl(release, use_kl_loss=False)
    assert found.rule is not None
    assert f"scope='{scope}'" in found.rule.settings()["loss_weights"][0]
    assert ("token mean of micro-batches" in faults(found)) is (scope == "micro_batch")


def test_skyrls_constant_length_is_the_limit_of_the_run() -> None:
    found = exported("skyrl", "dr_grpo")
    assert found[f"{A}max_seq_len"] == found["generator.sampling_params.max_generate_length"] == 8192


def test_skyrls_reinforce_pp_takes_the_kl_to_go() -> None:
    options: dict[str, Any] = {
        "use_kl_loss": False,
        "use_kl_in_reward": True,
        "kl_loss_coef": 0.01,
        "kl_estimator_type": "k1",
    }
    kl = {"coef": 0.01, "estimator": "k1"}
    assert skyrl(advantage_estimator="reinforce++", **options).tricks["kl_to_go"] == kl
    assert skyrl(advantage_estimator="rloo", **options).tricks["kl_reward"] == kl
    assert skyrl(use_kl_in_reward=True).problems  # both at once, which SkyRL refuses


def test_estimators_of_a_users_own_are_named_and_the_rest_is_still_said() -> None:
    found = skyrl(advantage_estimator="mine", policy_loss_type="gspo")
    assert any("advantage_estimator='mine'" in problem for problem in found.problems)
    assert "gspo" in found.tricks
