"""Pairs of configs that cannot differ, each built from an equivalence that is known beforehand."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.config.experiment import ExperimentConfig, RewardConfig

Pair = tuple[ExperimentConfig, ExperimentConfig]
DEVIATIONS = ("group_norm", "batch_norm", "group_mean_batch_std")
MEANS = ("group_mean", "batch_mean", "rloo")
AGGREGATIONS = ("token_mean", "sequence_mean", "sequence_sum", "constant_length", "prompt_mean")


def planted(base: ExperimentConfig, count: int, chance: random.Random) -> list[tuple[str, Pair]]:
    """The kinds in turn, each time with another shape and other company."""
    found = []
    for number in range(count):
        name, kind = list(KINDS.items())[number % len(KINDS)]
        found.append((name, kind(_shaped(base, chance), chance)))
    return found


def _shaped(base: ExperimentConfig, chance: random.Random) -> ExperimentConfig:
    updates = chance.choice((2, 4))
    rollout = replace(
        base.rollout,
        prompts_per_batch=updates * chance.choice((1, 2, 8)),
        group_size=chance.choice((2, 4, 8)),
        max_response_length=chance.choice((5, 20, 40)),
    )
    return replace(base, rollout=rollout, optim=replace(base.optim, updates_per_rollout=updates))


def _pair(base: ExperimentConfig, one: dict[str, Any], other: dict[str, Any], chance: random.Random) -> Pair:
    """Both with the same company: an aggregation and a normaliser, where neither side names one."""
    company: dict[str, Any] = {}
    if not {*AGGREGATIONS} & {*one, *other}:
        company[chance.choice(AGGREGATIONS)] = {}
    if not {*DEVIATIONS, *MEANS} & {*one, *other}:
        company[chance.choice((*DEVIATIONS, *MEANS))] = {}
    return replace(base, tricks=company | one), replace(base, tricks=company | other)


def _scales(pair: Pair, one: tuple[float, float], other: tuple[float, float]) -> Pair:
    return replace(pair[0], reward=RewardConfig(*one)), replace(pair[1], reward=RewardConfig(*other))


def _one_update(base: ExperimentConfig) -> ExperimentConfig:
    return replace(base, optim=replace(base.optim, updates_per_rollout=1))


def _length(base: ExperimentConfig, limit: int) -> ExperimentConfig:
    return replace(base, rollout=replace(base.rollout, max_response_length=limit))


def _one_prompt(base: ExperimentConfig) -> ExperimentConfig:
    return _one_update(replace(base, rollout=replace(base.rollout, prompts_per_batch=1)))


def _one_prompt_an_update(base: ExperimentConfig) -> ExperimentConfig:
    return replace(base, rollout=replace(base.rollout, prompts_per_batch=base.optim.updates_per_rollout))


def _scale_under_a_deviation(base: ExperimentConfig, chance: random.Random) -> Pair:
    norm: dict[str, Any] = {chance.choice(DEVIATIONS): {}}
    return _scales(_pair(base, norm, norm, chance), (1.0, 0.0), chance.choice(((1.0, -1.0), (2.0, 0.5), (0.0, -1.0))))


def _shift_under_a_mean(base: ExperimentConfig, chance: random.Random) -> Pair:
    norm: dict[str, Any] = {chance.choice(MEANS): {}}
    return _scales(_pair(base, norm, norm, chance), (1.0, 0.0), chance.choice(((2.0, 1.0), (0.0, -1.0), (0.5, -0.5))))


def _inert_clip(base: ExperimentConfig, chance: random.Random) -> Pair:
    clip: dict[str, Any] = chance.choice(({"clip_higher": {}}, {"dual_clip": {}}, {"clip": {"log_ratio_bound": None}}))
    return _pair(_one_update(base), {}, clip, chance)


def _surrogates_at_ratio_1(base: ExperimentConfig, chance: random.Random) -> Pair:
    return _pair(_one_update(base), {"policy_gradient": {}}, {chance.choice(("gspo", "cispo", "clip")): {}}, chance)


def _filter_beyond_the_limit(base: ExperimentConfig, chance: random.Random) -> Pair:
    limit = base.rollout.max_response_length + chance.choice((1, 10))
    return _pair(base, {}, {"overlong_filter": {"truncation": "length", "limit": limit}}, chance)


def _filter_in_other_words(base: ExperimentConfig, chance: random.Random) -> Pair:
    return _pair(base, {"overlong_filter": {}}, {"overlong_filter": {"truncation": "last_token"}}, chance)


def _filler_spelled_out(base: ExperimentConfig, chance: random.Random) -> Pair:
    norm: dict[str, Any] = {chance.choice(DEVIATIONS): {}}
    return replace(base, tricks=norm), replace(base, tricks={**norm, "sequence_mean": {}})


def _preset_spelled_out(base: ExperimentConfig, chance: random.Random) -> Pair:
    tricks = {"group_mean_batch_std": {}, "token_mean": {}}
    return replace(base, preset="liteppo"), replace(base, tricks=tricks)


def _one_token(base: ExperimentConfig, chance: random.Random) -> Pair:
    one, other = chance.sample(("token_mean", "sequence_mean", "sequence_sum", "constant_length"), 2)
    return _pair(_length(base, 1), {one: {}}, {other: {}}, chance)


def _weight_0(base: ExperimentConfig, chance: random.Random) -> Pair:
    names = {"kl_loss": "coef", "kl_reward": "coef", "kl_to_go": "coef", "entropy_bonus": "coef"}
    names |= {"format_reward": "bonus", "length_reward": "weight", "soft_overlong": "weight"}
    name = chance.choice(list(names))
    return _pair(base, {}, {name: {names[name]: 0.0}}, chance)


def _caps_beyond_reach(base: ExperimentConfig, chance: random.Random) -> Pair:
    # log-ratios are held within 20, and exp(20) is 4.9e8
    if chance.random() < 0.5:
        return _pair(base, {"truncated_is": {"cap": 1e9}}, {"truncated_is": {"cap": 5e9}}, chance)
    return _pair(base, {"clip": {"clip_ratio_high": 1e9}}, {"clip": {"clip_ratio_high": 6e8}}, chance)


def _rewards_within_bounds(base: ExperimentConfig, chance: random.Random) -> Pair:
    pair = _pair(base, {}, {"reward_clip": {}}, chance)
    scale = chance.choice(((1.0, 0.0), (1.0, -1.0), (0.5, 0.0)))
    return _scales(pair, scale, scale)


def _advantages_within_bounds(base: ExperimentConfig, chance: random.Random) -> Pair:
    # the largest advantage of one in n, with n - 1 in the variance, is (n - 1) / sqrt(n)
    size = base.rollout.group_size
    bound = (size - 1) / size**0.5 + 0.01
    return _pair(base, {"group_norm": {}}, {"group_norm": {}, "advantage_clip": {"low": -bound, "high": bound}}, chance)


def _batch_of_one_group(base: ExperimentConfig, chance: random.Random) -> Pair:
    one, other = chance.sample(DEVIATIONS, 2)
    return _pair(_one_prompt(base), {one: {}}, {other: {}}, chance)


def _prompt_scope(base: ExperimentConfig, chance: random.Random) -> Pair:
    return _pair(_one_prompt_an_update(base), {"token_mean": {}}, {"prompt_mean": {}}, chance)


def _limit_in_numbers(base: ExperimentConfig, chance: random.Random) -> Pair:
    limit = base.rollout.max_response_length
    if chance.random() < 0.5:
        return _pair(base, {"constant_length": {}}, {"constant_length": {"length": limit}}, chance)
    return _pair(base, {"soft_overlong": {}}, {"soft_overlong": {"cache": limit // 5, "limit": limit}}, chance)


def _punishment_beyond_the_limit(base: ExperimentConfig, chance: random.Random) -> Pair:
    limit = base.rollout.max_response_length
    return _pair(base, {}, {"soft_overlong": {"cache": 2, "limit": limit + 2}}, chance)


def _deviation_before_whitening(base: ExperimentConfig, chance: random.Random) -> Pair:
    whitened: dict[str, Any] = {"token_whitening": {}}
    return _pair(base, {"group_mean": {}, **whitened}, {"group_mean_batch_std": {}, **whitened}, chance)


def _tolerance_below_the_range(base: ExperimentConfig, chance: random.Random) -> Pair:
    tolerance = {"tolerance": chance.choice((0.5, 0.9))}
    return _pair(base, {"zero_variance_filter": {}}, {"zero_variance_filter": tolerance}, chance)


def _nothing_filtered(base: ExperimentConfig, chance: random.Random) -> Pair:
    name = chance.choice(("token_mean", "sequence_mean", "sequence_sum", "constant_length"))
    return _pair(base, {name: {}}, {name: {"count": "all"}}, chance)


def _groups_are_equal(base: ExperimentConfig, chance: random.Random) -> Pair:
    name = chance.choice(DEVIATIONS)
    return _pair(base, {name: {}}, {name: {"unequal": "one_group", "zero_std": "keep"}}, chance)


def _no_extra_round(base: ExperimentConfig, chance: random.Random) -> Pair:
    return _pair(base, {}, {"dynamic_sampling": {"rounds": 0}}, chance)


def _epsilon_below_the_tolerance(base: ExperimentConfig, chance: random.Random) -> Pair:
    name = chance.choice(DEVIATIONS)
    return _pair(base, {name: {"eps": 1e-8}}, {name: {"eps": 1e-7}}, chance)


def _nothing_earned(base: ExperimentConfig, chance: random.Random) -> Pair:
    one, other = chance.sample(MEANS, 2)
    return _scales(_pair(base, {one: {}}, {other: {}}, chance), (1.0, 1.0), (1.0, 1.0))


KINDS: dict[str, Callable[[ExperimentConfig, random.Random], Pair]] = {
    "scale under a deviation": _scale_under_a_deviation,
    "shift under a mean": _shift_under_a_mean,
    "inert clip": _inert_clip,
    "surrogates at ratio 1": _surrogates_at_ratio_1,
    "filter beyond the limit": _filter_beyond_the_limit,
    "filter in other words": _filter_in_other_words,
    "filler spelled out": _filler_spelled_out,
    "preset spelled out": _preset_spelled_out,
    "one token": _one_token,
    "weight 0": _weight_0,
    "caps beyond reach": _caps_beyond_reach,
    "rewards within bounds": _rewards_within_bounds,
    "advantages within bounds": _advantages_within_bounds,
    "batch of one group": _batch_of_one_group,
    "prompt scope": _prompt_scope,
    "limit in numbers": _limit_in_numbers,
    "punishment beyond the limit": _punishment_beyond_the_limit,
    "deviation before whitening": _deviation_before_whitening,
    "tolerance below the range": _tolerance_below_the_range,
    "nothing filtered": _nothing_filtered,
    "groups are equal": _groups_are_equal,
    "no extra round": _no_extra_round,
    "epsilon below the tolerance": _epsilon_below_the_tolerance,
    "nothing earned": _nothing_earned,
}
