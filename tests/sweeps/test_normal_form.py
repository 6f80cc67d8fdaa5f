from dataclasses import replace

import pytest

from sweeps.equivalence.batches import BatchShape
from sweeps.equivalence.canonical import explain_equivalence
from tests.sweeps.rules import SETUP, side

SHAPE = BatchShape(group_size=4, groups=2, updates=2, limit=20, moved=True, split=True)
ONCE = replace(SHAPE, updates=1, groups=4, moved=False)
ONE_UPDATE = replace(SETUP, updates_per_rollout=1)
SCALE = (1.0, -1.0)


def why(one, other, shape=SHAPE):
    return list(explain_equivalence(one, other, shape))


@pytest.mark.parametrize("preset", ["grpo", "liteppo", "reinforce_pp_baseline"])
def test_a_deviation_cancels_the_reward_scale(preset):
    assert why(side(preset), side(preset, scale=SCALE)) == ["dividing by a deviation cancels the reward scale"]


def test_a_mean_cancels_a_shift_and_nothing_else():
    one = side("dr_grpo")
    assert why(one, side("dr_grpo", scale=(0.0, -1.0))) == ["a mean cancels what right and wrong earn alike"]
    assert why(one, side("dr_grpo", scale=SCALE)) == []


def test_a_punishment_beside_the_reward_keeps_the_scale():
    assert why(side("grpo", soft_overlong={}), side("grpo", scale=SCALE, soft_overlong={})) == []


def test_a_tolerance_in_rewards_keeps_the_scale():
    kept = {"tolerance": 1.5}
    one, other = (side("grpo", scale=scale, zero_variance_filter=kept) for scale in ((1.0, 0.0), SCALE))
    assert why(one, other) == []


def test_a_deviation_of_the_others_keeps_the_scale_where_it_is_not_divided():
    one, other = (side(scale=scale, leave_one_out_norm={}) for scale in ((1.0, 0.0), SCALE))
    assert why(one, other) == []


def test_what_a_trick_says_of_itself_is_the_reason():
    one, other = side("grpo", ONE_UPDATE), side("grpo", ONE_UPDATE, clip_higher={})
    assert why(one, other, ONCE) == [
        "with optim.updates_per_rollout=1 every ratio is 1 and no bound can bind; set it to 2 or more"
    ]
    assert why(side("grpo"), side("grpo", clip_higher={})) == []


def test_reasons_that_both_share_are_not_given():
    one, other = side("grpo", ONE_UPDATE, clip_higher={}), side("grpo", ONE_UPDATE, scale=SCALE, clip_higher={})
    assert why(one, other, ONCE) == ["dividing by a deviation cancels the reward scale"]


def test_a_filter_keeps_its_say_in_what_counts():
    counted = {"sequence_mean": {"count": "all"}}
    assert why(side("grpo"), side("grpo", **counted)) == ["no sample is filtered"]
    assert why(side("grpo", overlong_filter={}), side("grpo", overlong_filter={}, **counted)) == []


@pytest.mark.parametrize(
    ("one", "other", "shape", "reason"),
    [
        ({"group_norm": {}}, {"batch_norm": {}}, replace(SHAPE, groups=1, updates=1), "the batch is one group"),
        ({"token_mean": {}}, {"prompt_mean": {}}, replace(SHAPE, groups=1), "an update has one prompt"),
        ({"token_mean": {}}, {"sequence_sum": {}}, replace(SHAPE, limit=1), "every response has one token"),
        ({"constant_length": {}}, {"constant_length": {"length": 20}}, SHAPE, "the limit is 20 tokens"),
        ({}, {"reward_clip": {}}, SHAPE, "both rewards lie within the bounds"),
        ({}, {"format_reward": {"bonus": 0.0}}, SHAPE, "with weight 0 nothing is added to the reward"),
        (
            {"group_mean": {}, "token_whitening": {}},
            {"group_mean_batch_std": {}, "token_whitening": {}},
            SHAPE,
            "whitening divides by a deviation, which cancels the one before",
        ),
        (
            {"overlong_filter": {}},
            {"overlong_filter": {"truncation": "last_token"}},
            SHAPE,
            "the sampler ends a response without EOS exactly where it is truncated",
        ),
    ],
)
def test_each_equivalence_has_its_reason(one, other, shape, reason):
    assert reason in why(side(**one), side(**other), shape)
