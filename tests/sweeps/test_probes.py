import pytest
import torch

from sweeps.equivalence.batches import BatchShape
from sweeps.equivalence.gradients import Breakpoints, build_probes, describe_untried
from tests.sweeps.rules import rule
from tricks.batch import Setup

SHAPE = BatchShape(group_size=4, groups=2, updates=2, limit=20, moved=True, split=True)


def batches(shape=SHAPE, preset="vanilla_ppo", **tricks):
    setup = Setup(shape.group_size, shape.prompts, 4 if shape.moved else 1, shape.limit)
    return list(build_probes(shape, Breakpoints.of([rule(preset, setup, **tricks)], shape)))


@pytest.mark.parametrize("limit", [1, 5, 20])
def test_a_response_is_truncated_at_the_limit_alone_and_may_end_there(limit):
    shape = BatchShape(4, 2, 2, limit, moved=True, split=True)
    lengths = torch.cat([probe.rollouts.response_mask.sum(dim=1) for probe in batches(shape)])
    truncated = torch.cat([probe.rollouts.truncated for probe in batches(shape)])
    assert (lengths[truncated] == limit).all()
    assert (lengths[~truncated] == limit).any()
    assert lengths.min() == 1


def test_without_a_second_update_every_ratio_is_1():
    shape = BatchShape(4, 2, 1, 20, moved=False, split=True)
    assert all(torch.equal(probe.log_probs, probe.rollouts.old_log_probs) for probe in batches(shape))
    assert not all(torch.equal(probe.log_probs, probe.rollouts.old_log_probs) for probe in batches())


def test_no_log_prob_is_above_0():
    for probe in batches(preset="reinforce_pp_baseline"):
        parts = probe.rollouts
        assert max(part.max() for part in (probe.log_probs, parts.sampler_log_probs, parts.ref_log_probs)) <= 0


def test_a_batch_has_whole_groups_and_whole_updates():
    for probe in batches():
        assert set(torch.bincount(probe.rollouts.group).tolist()) == {4}
        assert all((rows.stop - rows.start) % 4 == 0 for rows in probe.updates)
        assert probe.updates[-1].stop <= len(probe.rollouts.group)


def test_one_of_the_whole_batch_is_right_and_one_is_wrong():
    counts = {int(probe.rollouts.rewards.sum()) for probe in batches() if len(probe.rollouts.rewards) == 16}
    assert {1, 15} <= counts


def test_a_group_has_every_number_of_right_samples():
    counts = {int(count) for probe in batches() for count in probe.rollouts.rewards.reshape(-1, 4).sum(dim=1)}
    assert counts == {0, 1, 2, 3, 4}


def test_a_long_limit_is_cut_where_nothing_counts_tokens():
    shape = BatchShape(4, 2, 2, 8192, moved=True, split=True)
    assert max(probe.log_probs.shape[1] for probe in batches(shape, "grpo")) == 64
    counted = Breakpoints.of([rule("vanilla_ppo", Setup(4, 4, 4, 8192), soft_overlong={"cache": 1024})], shape)
    assert counted.limit == 8192
    assert {7167, 7168, 7169} <= set(counted.lengths)


def test_the_same_rules_get_the_same_batches():
    for one, other in zip(batches(), batches(), strict=True):
        assert torch.equal(one.log_probs, other.log_probs)
        assert torch.equal(one.rollouts.rewards, other.rollouts.rewards)


def test_a_bound_after_whitening_is_untried_where_a_batch_is_too_large_to_try():
    tricks = {"token_whitening": {}, "advantage_clip": {}}
    large = BatchShape(8, 16, 8, 8192, moved=True, split=True)
    assert describe_untried(rule(**tricks), SHAPE) == ""
    assert describe_untried(rule(**tricks), large) == "AdvantageClip(low=-5.0, high=5.0)"
    assert describe_untried(rule(advantage_clip={}), large) == ""
