"""Bugs of the frameworks at the commits of their dialects, each reproduced by a dialect or a setting.

A test that fails here says that a dialect no longer computes what its framework does, bugs included.
"""

from __future__ import annotations

import math

import pytest
import torch

from tests.tricks.batches import example, moved
from tests.tricks.dialects.spoken import advantages, batch, gradient, loss, rule, spoken, trick

EIGHT = [1.0] + [0.0] * 7


def test_trl_bnpo_token_mean_of_micro_batches_is_no_token_mean():
    """trl/trainer/grpo_trainer.py:3126, loss_type bnpo."""
    # Lengths 2, 80, 5, 75 and advantages 1, -1, 1, -1: 148 / 162 over tokens; one response each is the sequence mean.
    sampled = batch([1.0, 0.0] * 2, [0, 0, 1, 1], lengths=[2, 80, 5, 75])
    double = {"group_mean": {}, "token_mean": {"scope": "micro_batch"}}  # advantages are halves
    assert 2 * loss(rule("trl", **double), sampled, micro_batch=[0, 0, 0, 0]) == pytest.approx(148 / 162)
    assert 2 * loss(rule("trl", **double), sampled, micro_batch=[0, 1, 2, 3]) == pytest.approx(0.0, abs=1e-12)
    assert 2 * loss(rule("trl", **double), sampled, micro_batch=[0, 0, 1, 1]) == pytest.approx((78 / 82 + 70 / 80) / 2)


def test_trl_cispo_takes_epsilon_high_for_the_bound_itself():
    """trl/trainer/grpo_trainer.py:3080: clamp(max=epsilon_high) shrinks the weight of an unmoved token to 0.28."""
    # Clip-higher's 0.28 means a weight of 1.28 in verl; both policies are the same and weights should be 1.
    sampled = batch(EIGHT)
    of_trl = rule("trl", group_norm={}, cispo={"high": 0.28}, token_mean={})
    of_verl = rule("verl", group_norm={"eps": 1e-6}, cispo={"low": 0.8, "high": 1.28}, token_mean={})
    steps = [gradient(chosen, sampled, sampled.old_log_probs) for chosen in (of_trl, of_verl)]
    assert float((steps[0] / steps[1]).mean()) == pytest.approx(0.28, rel=1e-3)


def test_trl_grpo_counts_masked_responses_in_the_mean():
    """trl/trainer/grpo_trainer.py:3126, loss_type grpo: one of four masked leaves 3/4 of the gradient."""
    sampled = batch([1.0, 0.0, 1.0, 0.0], ended=torch.tensor([True, True, True, False]))
    counted = rule("trl", group_norm={}, sequence_mean={}, overlong_filter={})
    weights = counted.loss_weights(counted.signal(sampled))
    assert weights.sum().item() == pytest.approx(3 / 4)


def test_slime_takes_unequal_groups_for_one():
    """slime/ray/rollout.py:608: a sample short, and the whole batch is normalised as one group (slime#1414, #2230)."""
    # Groups [1, 0, 0] and [1, 1]: together mean 3/5 and variance 6/5 / 4; the second alone would get 0.
    found = advantages(spoken("slime", "group_norm"), batch([1.0, 0.0, 0.0, 1.0, 1.0], [0, 0, 0, 1, 1]))
    assert float(found[3]) == pytest.approx((2 / 5) / (math.sqrt(0.3) + 1e-6))


def test_slime_adds_a_token_for_every_masked_response():
    """slime/backends/megatron_utils/cp_utils.py:52: 5 tokens instead of 4 shrink the loss by a fifth."""
    sampled = batch([1.0, 0.0], lengths=[4, 3], truncated=[1])
    chosen = rule("slime", group_norm={}, overlong_filter={}, token_mean={})
    assert float(chosen.loss_weights(chosen.signal(sampled))[0]) == pytest.approx(1 / 5)


def test_oat_keeps_masked_responses_in_the_mean():
    """oat/algorithms/ppo.py:568: the loss mask zeroes the numerator of a row, the mean still counts it."""
    sampled = batch([1.0, 0.0, 0.0, 1.0, 0.0, 0.0], truncated=[5])
    masked = rule("oat", group_norm={}, sequence_mean={}, overlong_filter={})
    assert masked.loss_weights(masked.signal(sampled)).sum().item() == pytest.approx(5 / 6)


def test_nemo_rl_leaves_groups_of_two_undivided():
    """nemo_rl/algorithms/advantage_estimator.py:49: one other sample has no deviation; the usual norm gives 0.707."""
    found = advantages(spoken("nemo_rl", "group_norm"), batch([1.0, 0.0]))
    assert found.tolist() == [1.0, -1.0]


def test_nemo_rl_blows_up_groups_of_almost_equal_rewards():
    """nemo_rl/algorithms/utils.py:104: seven advantages of one sign, a sum far from 0 (NeMo-RL#1518)."""
    # The odd sample: others all 1, undivided. Another: others have mean 1 - 0.001/7 and variance 1e-6/7 = 1.43e-7, of
    # which E[x^2] - E[x]^2 leaves 3 or 4 units of 2^-24 in float32. The framework itself gave 0.3121 and a sum of 2.18.
    found = advantages(spoken("nemo_rl", "group_norm"), batch([0.999] + [1.0] * 7))
    assert found.tolist() == pytest.approx([-0.001] + [0.3121] * 7, rel=2e-4)
    assert found.sum().item() == pytest.approx(2.18, abs=5e-3)


def test_nemo_rls_k3_loss_has_the_gradient_of_k2():
    """nemo_rl/algorithms/loss/loss_functions.py: the divergence is multiplied by exp(x - sg(x))."""
    sampled = example(torch.float64)
    k3 = rule("nemo_rl", group_mean={}, kl_loss={"coef": 1.0}, token_mean={})
    k2 = rule("none", rloo={}, clip={"log_ratio_bound": 40.0}, kl_loss={"coef": 1.0, "estimator": "k2"}, token_mean={})
    steps = [gradient(chosen, sampled, moved(sampled)) for chosen in (k3, k2)]
    torch.testing.assert_close(steps[0], steps[1], rtol=1e-9, atol=1e-12)


def test_verls_dual_clip_cannot_be_turned_off():
    """verl/trainer/ppo/core_algos.py:1323: a ratio of 5 under a negative advantage counts as 3."""
    sampled = batch([1.0, 0.0])
    log_probs = torch.full((2, 1), math.log(5), dtype=torch.float64)
    # Advantages plus and minus a: -(1.2 a) and 3 a instead of 5 a, halved by the token mean.
    a = 0.5 / (math.sqrt(0.5) + 1e-6)
    chosen = rule("verl", group_norm={}, token_mean={})
    assert loss(chosen, sampled, log_probs) == pytest.approx((3 * a - 1.2 * a) / 2, rel=1e-9)


@pytest.mark.parametrize(("release", "different"), [("0.8.0", 1), ("0.9.0", 1), ("0.9.1", 4)])
def test_verls_gspo_ignores_the_aggregation_up_to_0_9_0(release, different):
    """verl/trainer/ppo/core_algos.py:1603: token mean and sequence sum give the sequence mean."""
    sampled = example(torch.float64)
    losses = {
        loss(rule(f"verl@{release}", group_norm={}, gspo={}, **{aggregation: {}}), sampled, moved(sampled))
        for aggregation in ("token_mean", "sequence_mean", "sequence_sum", "constant_length")
    }
    assert len({round(value, 12) for value in losses}) == different


def test_verl_gives_a_sample_alone_its_raw_reward():
    """verl/trainer/ppo/core_algos.py:267: mean 0 and deviation 1 for a group of one."""
    assert float(advantages(spoken("verl", "group_norm"), batch([0.7]))) == pytest.approx(0.7 / (1 + 1e-6), rel=1e-9)


def test_rolls_sum_norm_leaves_the_batch_size_out():
    """roll/utils/functionals.py:229, seq-mean-token-sum-norm: six responses make six times verl's gradient."""
    sampled = batch([1.0, 0.0, 0.0] * 2, lengths=[3] * 6)
    ratios = [
        chosen.loss_weights(chosen.signal(sampled))
        for chosen in (rule(name, group_mean={}, constant_length={}) for name in ("roll", "verl"))
    ]
    assert (ratios[0] / ratios[1]).unique().tolist() == pytest.approx([6.0])


def test_roll_drops_an_answer_that_ends_exactly_at_the_limit():
    """roll/utils/functionals.py:694, max_len_mask: length alone decides."""
    sampled = batch([1.0, 0.0], lengths=[8, 3], ended=torch.tensor([True, True]))
    assert spoken("roll", "overlong_filter").keep_samples(sampled).tolist() == [False, True]
    assert spoken("trl", "overlong_filter").keep_samples(sampled).tolist() == [True, True]


def test_roll_before_v0_2_0_turned_token_mean_into_sequence_mean():
    """roll/utils/functionals.py before 3077befc: a token mean of each micro-batch, ours as scope=micro_batch."""
    sampled = example(torch.float64)
    token_mean = rule("none", group_norm={}, token_mean={"scope": "micro_batch"})
    sequence_mean = rule("none", group_norm={}, sequence_mean={})
    alone = loss(token_mean, sampled, moved(sampled), micro_batch=list(range(8)))
    assert alone == pytest.approx(loss(sequence_mean, sampled, moved(sampled)), rel=1e-9)


def test_areals_second_normalisation_erases_lite_ppo():
    """areal/utils/data.py:1378 as adv_norm: with it, its Lite PPO and Dr. GRPO examples agree within epsilon."""
    sampled = example(torch.float64)
    lite_ppo, dr_grpo = (
        rule("areal", token_whitening={}, token_mean={}, **{norm: {}}).signal(sampled).advantages
        for norm in ("group_mean_batch_std", "group_mean")
    )
    torch.testing.assert_close(lite_ppo, dr_grpo, rtol=1e-4, atol=0)
    assert not torch.allclose(
        *(
            rule("areal", token_mean={}, **{norm: {}}).signal(sampled).advantages
            for norm in ("group_mean_batch_std", "group_mean")
        ),
        rtol=0.1,
    )


def test_areal_takes_the_padded_width_for_the_limit():
    """areal/trainer/ppo/actor.py:207: the longest response of every tightly padded batch counts as truncated."""
    sampled = batch([1.0, 0.0], lengths=[5, 3], ended=torch.tensor([True, True]))  # the limit is 8
    assert trick("overlong_filter", truncation="padded_length").keep_samples(sampled).tolist() == [False, True]


def test_areals_gspo_is_averaged_over_tokens():
    """areal/utils/functional/functional.py, ppo_actor_loss_fn: a response of 6 tokens weighs six times one of 1."""
    sampled = example(torch.float64)
    chosen = rule("areal", group_norm={}, gspo={}, sequence_mean={})
    weights = chosen.loss_weights(chosen.signal(sampled)) * sampled.response_mask.sum(1, keepdim=True)
    assert float(weights[0] / weights[3]) == pytest.approx(6.0)


def test_openrlhf_divides_the_rounding_of_equal_rewards_by_1e_9():
    """openrlhf/trainer/ppo_utils/experience_maker.py:270: eight rewards of 0.1 get -7.45 each, of 0.3 +29.8."""
    # In float32 the mean of the first lies one unit, 2^-27, above 0.1; that of the second one, 2^-25, below 0.3.
    sampled = batch([0.1] * 8 + [0.3] * 8, [0] * 8 + [1] * 8, dtype=torch.float32)
    found = advantages(spoken("openrlhf", "group_norm"), sampled)
    assert found.tolist() == pytest.approx([-(2**-27) / 1e-9] * 8 + [2**-25 / 1e-9] * 8, rel=1e-6)
    assert found.tolist() == pytest.approx([-7.45] * 8 + [29.8] * 8, rel=1e-3)


@pytest.mark.parametrize(
    ("emulate", "first", "second"),
    [
        ("oat", -0.745, 2.98),
        ("verl", -7.45e-3, 2.98e-2),
        ("roll", -7.45e-3, 2.98e-2),
        ("slime", -7.45e-3, 2.98e-2),
        ("trl", -7.45e-5, 2.98e-4),
        ("areal", 0.0, 0.0),
    ],
)
def test_five_frameworks_more_divide_it_by_a_larger_epsilon_and_areal_has_none(emulate, first, second):
    """The rows of normalisation of each dialect, run on the same rewards."""
    sampled = batch([0.1] * 8 + [0.3] * 8, [0] * 8 + [1] * 8, dtype=torch.float32)
    found = advantages(spoken(emulate, "group_norm"), sampled)
    assert found.tolist() == pytest.approx([first] * 8 + [second] * 8, rel=1e-3)


def test_openrlhfs_no_std_norm_still_subtracts_the_mean_over_tokens():
    """openrlhf/trainer/ppo_utils/experience_maker.py:292: after the group mean; dr_grpo alone is the group mean."""
    # Group-centred plus and minus 1/2 over 1 and 3 tokens: the mean over tokens is -1/4.
    sampled = batch([1.0, 0.0], lengths=[1, 3])
    chosen = rule("openrlhf", group_mean={}, token_whitening={"std": "none"}, token_mean={})
    assert chosen.signal(sampled).advantages[:, 0].tolist() == pytest.approx([0.75, -0.25])


def test_lite_ppos_batch_deviation_differs_by_framework():
    """roll/utils/functionals.py:564 takes it of the raw rewards, areal/utils/data.py:1378 about the group means."""
    # Groups [1, 1, 1, 0] and [0, 0, 0, 1]: raw squares 8/4, within the groups 2 * 3/4; both over 7.
    sampled = batch([1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0], [0] * 4 + [1] * 4)
    raw, centred = (float(advantages(spoken(name, "group_mean_batch_std"), sampled)[0]) for name in ("roll", "areal"))
    assert centred / raw == pytest.approx(math.sqrt(2 / 1.5), rel=1e-4)


def test_open_instruct_divides_by_n():
    """open_instruct/data_loader.py:1476: numpy's deviation is sqrt(8/7) smaller, advantages as much larger."""
    theirs, verls = (
        float(advantages(spoken(name, "group_norm"), batch(EIGHT))[0]) for name in ("open_instruct", "verl")
    )
    assert theirs / verls == pytest.approx(math.sqrt(8 / 7), rel=1e-5)
