"""The last value of a setting that is taken, and the settings that each name of the catalog stands for."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from tests.tricks.batches import SETUP
from tricks.catalog import BUILT_IN_TRICKS
from tricks.dialects.build import build_rule
from tricks.recorded import spell_briefly
from tricks.surrogates import Clip, PolicyGradient


@pytest.mark.parametrize(
    ("trick", "settings"),
    [
        ("clip", {"clip_ratio_low": 0.0}),
        ("clip", {"clip_ratio_low": 1.0}),
        ("clip", {"clip_ratio_high": 0.0}),
        ("clip", {"clip_ratio_high": inf}),
        ("clip", {"dual_clip": 1.21}),
        ("clip", {"log_ratio_bound": 0.01}),
        ("gspo", {"log_ratio_bound": None}),
        ("cispo", {"low": 0.0, "high": 0.01}),
        ("truncated_is", {"floor": 0.0, "cap": 0.01}),
        ("group_norm", {"eps": 0.0}),
        ("token_whitening", {"eps": 1e-30}),
        ("kl_loss", {"coef": 0.0}),
        ("kl_reward", {"value_bound": 0.01}),
        ("entropy_bonus", {"coef": -0.1}),
        ("zero_variance_filter", {"tolerance": 0.0}),
        ("dynamic_sampling", {"rounds": 0}),
        ("overlong_filter", {"truncation": "length", "limit": 1}),
        ("constant_length", {"length": 1}),
        ("soft_overlong", {"cache": 1}),
        ("soft_overlong", {"cache": 8}),
        ("soft_overlong", {"weight": 0.0}),
        ("reward_clip", {"low": -inf, "high": 0.0}),
        ("length_reward", {"weight": -0.1}),
        ("format_reward", {"bonus": -0.1}),
    ],
)
def test_a_value_at_its_limit_is_taken(trick: str, settings: dict[str, Any]) -> None:
    assert trick in build_rule("vanilla_ppo", {trick: settings}, "none", SETUP).tricks


@pytest.mark.parametrize("trick", ["group_norm", "rloo", "zero_variance_filter", "dynamic_sampling"])
def test_groups_of_two_are_groups(trick: str) -> None:
    assert build_rule("vanilla_ppo", {trick: {}}, "none", replace(SETUP, group_size=2)).tricks


def test_a_group_of_one_is_taken_where_its_samples_keep_their_rewards() -> None:
    alone = replace(SETUP, group_size=1)
    assert build_rule("vanilla_ppo", {"group_norm": {"single": "raw"}}, "none", alone).tricks


@pytest.mark.parametrize("trick", [Clip(), PolicyGradient()])
def test_two_updates_a_rollout_are_enough_for_a_ratio_to_move(trick: Clip | PolicyGradient) -> None:
    assert not list(trick.no_effect_reasons(replace(SETUP, updates_per_rollout=2)))


# Whoever changes one of these changes what a published name means.
MEANINGS = {
    "group_norm": "Normalize(mean='group', std='group')",
    "batch_norm": "Normalize(mean='batch', std='batch')",
    "group_mean": "Normalize(mean='group')",
    "group_mean_batch_std": "Normalize(mean='group', std='batch')",
    "clip_higher": "Clip(clip_ratio_high=0.28)",
    "token_mean": "TokenMean()",
    "sequence_mean": "SequenceMean()",
    "overlong_filter": "OverlongFilter()",
    "batch_mean": "Normalize(mean='batch')",
    "rloo": "Normalize(mean='leave_one_out')",
    "leave_one_out_norm": "Normalize(mean='leave_one_out', std='leave_one_out', zero_std='keep')",
    "token_whitening": "Whiten()",
    "reward_clip": "RewardClip()",
    "advantage_clip": "AdvantageClip()",
    "clip": "Clip()",
    "dual_clip": "Clip(dual_clip=3.0)",
    "gspo": "SequenceClip()",
    "cispo": "ClippedWeight()",
    "policy_gradient": "PolicyGradient()",
    "truncated_is": "TruncatedImportance()",
    "kl_loss": "KlLoss()",
    "kl_reward": "KlReward()",
    "kl_to_go": "KlToGo()",
    "entropy_bonus": "EntropyBonus()",
    "sequence_sum": "SequenceSum()",
    "constant_length": "ConstantLength()",
    "prompt_mean": "TokenMean(scope='prompt')",
    "zero_variance_filter": "ZeroVarianceFilter()",
    "dynamic_sampling": "DynamicSampling()",
    "soft_overlong": "SoftOverlong()",
    "length_reward": "LengthReward()",
    "format_reward": "FormatReward()",
}
DEFAULTS = {
    "Normalize": "mean='none', std='none', about='own', ddof=1, eps=1e-06, eps_rule='added', weights='sequence', "
    "include='all', zero_std='zero', single='zero', unequal='own', precision='double'",
    "Whiten": "mean='batch', std='batch', weights='token', ddof=1, eps=1e-08, eps_rule='added_to_variance', "
    "include='kept'",
    "RewardClip": "low=-1.0, high=1.0",
    "AdvantageClip": "low=-5.0, high=5.0",
    "Clip": "clip_ratio_low=0.2, clip_ratio_high=0.2, dual_clip=None, log_ratio_bound=20.0",
    "SequenceClip": "clip_ratio_low=0.0003, clip_ratio_high=0.0004, log_ratio_bound=20.0",
    "ClippedWeight": "low=0.0, high=5.0, log_ratio_bound=20.0",
    "PolicyGradient": "",
    "TruncatedImportance": "cap=2.0, floor=0.0, level='token', outside='truncate'",
    "KlLoss": "coef=0.001, estimator='k3', gradient='own', log_ratio_bound=20.0, value_bound=10.0",
    "KlReward": "coef=0.001, estimator='k1', log_ratio_bound=20.0, value_bound=None",
    "KlToGo": "coef=0.001, estimator='k1', log_ratio_bound=20.0, value_bound=None",
    "EntropyBonus": "coef=0.001",
    "TokenMean": "scope='update', count='kept'",
    "SequenceMean": "scope='update', count='kept'",
    "SequenceSum": "scope='update', count='kept'",
    "ConstantLength": "length='limit', scope='update', count='kept', per_response=True",
    "OverlongFilter": "truncation='finish_reason', limit=None, numerator='out'",
    "ZeroVarianceFilter": "tolerance=0.0",
    "DynamicSampling": "rounds=4, at_cap='fill'",
    "SoftOverlong": "cache=None, limit=None, weight=1.0",
    "LengthReward": "weight=0.1",
    "FormatReward": "bonus=0.1",
}


def test_every_name_stands_for_its_published_settings() -> None:
    assert {spec.name: spell_briefly(spec.cls(**spec.settings)) for spec in BUILT_IN_TRICKS} == MEANINGS


@pytest.mark.parametrize("spec", BUILT_IN_TRICKS, ids=lambda spec: spec.name)
def test_every_default_is_the_published_one(spec: Any) -> None:
    assert repr(spec.cls()) == f"{spec.cls.__name__}({DEFAULTS[spec.cls.__name__]})"
