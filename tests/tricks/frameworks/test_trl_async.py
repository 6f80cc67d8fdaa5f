"""The options of TRL's asynchronous trainer as rules, and the ratio to the sampler that they imply."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tricks.frameworks.tables import Option
from tricks.api import TrickError
from tricks.batch import Setup
from tricks.dialects import ALL_RELEASES, build_rule
from tricks.dialects.parts_trl_async import SamplerClip
from tricks.frameworks import explain_options, find_framework
from tricks.frameworks.sources import read_configuration
from tricks.frameworks.writing import export_rule

TABLE = find_framework("trl_async")
SETUP = Setup(group_size=8, prompts_per_batch=4, updates_per_rollout=1, max_response_length=64)
RULE: dict[str, dict[str, Any]] = {"group_norm": {}, "token_mean": {}, "clip": {}}


def explain(release: str, **options: Any) -> Any:
    return explain_options(TABLE, release, [Option(name, value) for name, value in options.items()])


def test_the_releases_begin_with_1_0_0_and_end_as_those_of_trl_do() -> None:
    releases = ALL_RELEASES["trl_async"].known_releases
    assert releases[0] == "1.0.0"
    assert releases == ALL_RELEASES["trl"].known_releases[-len(releases) :]


@pytest.mark.parametrize("release", ["1.0.0", "1.6.0", "1.7.0", "1.16.0"])
def test_the_upper_bound_is_the_lower_one_where_it_is_not_given(release: str) -> None:
    assert explain(release).tricks["clip"] == {"clip_ratio_low": 0.2, "clip_ratio_high": 0.2}
    given = explain(release, epsilon=0.1, epsilon_high=0.28).tricks["clip"]
    assert given == {"clip_ratio_low": 0.1, "clip_ratio_high": 0.28}


def test_from_1_7_0_an_epsilon_alone_moves_both_bounds() -> None:
    assert explain("1.6.0", epsilon=0.1).tricks["clip"]["clip_ratio_high"] == 0.2
    assert explain("1.7.0", epsilon=0.1).tricks["clip"]["clip_ratio_high"] == 0.1


def test_prompts_are_known_only_without_a_token_budget() -> None:
    options = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 4}
    assert explain("1.7.1", **options).loop["prompts_per_batch"] == 4
    assert "prompts_per_batch" not in explain("1.8.0", **options).loop
    assert explain("1.8.0", **options, token_budget=0).loop["prompts_per_batch"] == 4


def test_one_update_a_rollout_still_clips_because_the_ratio_is_to_the_sampler() -> None:
    rule = build_rule("vanilla_ppo", RULE, "trl_async", SETUP)
    (clip,) = [part for part in rule.tricks.values() if isinstance(part, SamplerClip)]
    assert not list(clip.no_effect_reasons(SETUP))
    assert any("pi_sampler" in line for line in clip.formula(SETUP))


def test_an_exported_call_is_read_back() -> None:
    rule = build_rule("vanilla_ppo", {**RULE, "clip": {"clip_ratio_high": 0.28}}, "trl_async", SETUP)
    export = export_rule(TABLE, rule, {"group_size": 8, "prompts_per_batch": 4})
    lines = ", ".join(f"{line.name}={line.value!r}" for line in export.lines)
    found = explain_options(TABLE, "", read_configuration(TABLE, f"args = AsyncGRPOConfig({lines})\n", "run.py").given)
    assert found.rule is not None
    assert found.rule.settings() == rule.settings()
    assert (found.loop["group_size"], found.loop["prompts_per_batch"]) == (8, 4)


@pytest.mark.parametrize(("release", "hit"), [("1.5.1", True), ("1.6.0", False)])
def test_responses_without_a_reward_count_as_zeros_up_to_1_5_1(release: str, hit: bool) -> None:
    assert ("none_rewards_are_zeros" in {fault.name for fault in explain(release).faults}) == hit


def test_a_correction_beside_the_ratio_to_the_sampler_is_refused() -> None:
    with pytest.raises(TrickError, match="has the sampler's probabilities in its ratio already"):
        build_rule("vanilla_ppo", {**RULE, "truncated_is": {}}, "trl_async", SETUP)
