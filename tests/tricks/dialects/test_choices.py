"""What a framework can do and a shorter list would say it cannot, each by value."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from tests.tricks.batches import example, moved
from tests.tricks.dialects.spoken import advantages, batch, gradient, loss, rule, spoken, written
from tricks.api import TrickError, TrickSpec
from tricks.conformance import check_trick
from tricks.dialects.open_instruct import OPEN_INSTRUCT
from tricks.dialects.own_tricks import NormalizeAboutCenter

LENGTHS = [1, 2, 5, 4, 4]
REWARDS, GROUPS = [1.0, 0.0, 0.5, 1.0, 0.0], [0, 0, 0, 1, 1]


def close(found: torch.Tensor, expected: list[float]) -> None:
    """Fail where advantages or weights differ."""
    assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=1e-12)


def test_verls_opo_weighs_the_mean_of_a_group_by_length():
    # First group: (1 + 0 + 2.5) / 8; second: 4 / 8.
    chosen = spoken("verl", "group_mean", weights="token")
    found = advantages(chosen, batch(REWARDS, GROUPS, lengths=LENGTHS))
    close(found, [1 - 3.5 / 8, -3.5 / 8, 0.5 - 3.5 / 8, 0.5, -0.5])


def test_verls_opo_gives_a_sample_alone_its_reward():
    assert advantages(spoken("verl", "group_mean", weights="token"), batch([0.7])).tolist() == [0.7]


def test_verls_token_sum_divides_by_nothing():
    chosen = rule("verl", group_norm={}, constant_length={"length": 1, "per_response": False})
    close(chosen.loss_weights(chosen.signal(batch(REWARDS, GROUPS, lengths=LENGTHS)))[:, 0], [1.0] * 5)


def test_verls_gdpo_with_one_reward_whitens_a_group_norm_over_tokens():
    sampled = batch([1.0, 0.0, 1.0, 0.0], [0, 0, 1, 1], lengths=[1, 3, 2, 2])
    # Plus and minus a over 3 and 5 tokens: mean -a/4, squares 8 a^2 (1 - 1/16) over 7.
    a = 0.5 / (math.sqrt(0.5) + 1e-6)
    deviation = math.sqrt(8 * a * a * 15 / 16 / 7 + 1e-8)
    found = rule("verl", group_norm={}, token_whitening={}, token_mean={}).signal(sampled).advantages[:, 0]
    close(found, [1.25 * a / deviation, -0.75 * a / deviation] * 2)


# The learner gives the tokens e^1, e^0, e^-1 times the sampler's probability.
def weights(emulate: str, **settings: object) -> list[float]:
    beside = ("clip",) if settings.pop("clipped", True) else ("gspo", "sequence_mean")
    gap = torch.tensor([[1.0, 0.0, -1.0]], dtype=torch.float64)
    sampled = batch([1.0], lengths=[3], sampler_log_probs=-gap, old_log_probs=torch.zeros(1, 3, dtype=torch.float64))
    found: list[float] = written(emulate, "truncated_is", beside=beside, **settings).token_weights(sampled)[0].tolist()
    return found


@pytest.mark.parametrize("emulate", ["verl", "trl", "openrlhf", "areal", "nemo_rl", "open_instruct", "slime"])
def test_seven_frameworks_drop_outside_of_two_bounds(emulate):
    assert weights(emulate, outside="drop", floor=0.5, cap=2.0) == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("emulate", ["trl", "openrlhf", "areal", "nemo_rl", "open_instruct", "slime"])
def test_six_frameworks_hold_a_weight_above_a_floor(emulate):
    assert weights(emulate, outside="truncate", floor=0.5, cap=2.0) == [2.0, 1.0, 0.5]


@pytest.mark.parametrize("emulate", ["verl", "trl", "roll"])
def test_three_frameworks_multiply_the_weights_of_a_response(emulate):
    assert weights(emulate, level="sequence") == pytest.approx([1.0] * 3)


def test_nemo_rl_multiplies_them_beside_gspo():
    assert weights("nemo_rl", level="sequence", clipped=False) == pytest.approx([1.0] * 3)
    with pytest.raises(TrickError, match="beside GSPO"):
        weights("nemo_rl", level="token", clipped=False)


# AReaL's deviation is about what is subtracted. Groups [1, 0, 0.5] and [1, 0].
@pytest.mark.parametrize(
    ("mean", "std", "centres", "squares"),
    [
        ("none", "group", [0.0] * 5, [1.25 / 2] * 3 + [1.0] * 2),
        ("none", "batch", [0.0] * 5, [2.25 / 4] * 5),
        ("batch", "group", [0.5] * 5, [0.5 / 2] * 3 + [0.5] * 2),
        ("leave_one_out", "group", [0.25, 0.75, 0.5, 0.0, 1.0], [2 * 0.75**2 / 2] * 3 + [2.0] * 2),
        ("leave_one_out", "batch", [0.25, 0.75, 0.5, 0.0, 1.0], [(2 * 0.75**2 + 2) / 4] * 5),
    ],
)
def test_areals_other_means_and_deviations(mean, std, centres, squares):
    chosen = spoken("areal", "group_norm", mean=mean, std=std)
    expected = [
        (reward - centre) / (math.sqrt(square) + 1e-5)
        for reward, centre, square in zip(REWARDS, centres, squares, strict=True)
    ]
    close(advantages(chosen, batch(REWARDS, GROUPS)), expected)


@pytest.mark.parametrize(("mean", "std"), [("none", "group"), ("batch", "group"), ("leave_one_out", "batch")])
def test_the_contract_holds_for_them(mean, std):
    check_trick(TrickSpec("own", NormalizeAboutCenter, "AReaL", "a dialect's own trick", {"mean": mean, "std": std}))


@pytest.mark.parametrize("emulate", ["nemo_rl", "openrlhf", "roll"])
def test_three_frameworks_bound_the_advantages(emulate):
    chosen = rule(emulate, group_mean={}, advantage_clip={"low": -0.2, "high": 0.2}, token_mean={})
    found = chosen.signal(batch([1.0, 0.0, 0.5, 0.5])).advantages[:, 0]
    close(found, [0.2, -0.2, 0.0, 0.0])


def test_openrlhf_bounds_them_before_the_divergence():
    with pytest.raises(TrickError, match="^advantage_clip: openrlhf bounds what the baseline leaves of the reward"):
        rule("openrlhf", group_mean={}, kl_to_go={}, advantage_clip={}, token_mean={})


def test_nemo_rl_bounds_rewards_before_anything_is_added():
    chosen = rule("nemo_rl", reward_clip={"low": 0.0, "high": 0.5}, token_whitening={}, token_mean={})
    plain = rule("nemo_rl", token_whitening={}, token_mean={})
    bounded = chosen.signal(batch([1.0, 0.2, -3.0])).advantages
    assert_close(bounded, plain.signal(batch([0.5, 0.2, 0.0])).advantages)
    with pytest.raises(TrickError, match="^reward_clip: nemo_rl bounds rewards before anything is added"):
        rule("nemo_rl", group_norm={}, reward_clip={}, soft_overlong={"cache": 2}, token_mean={})


def test_nemo_rls_raw_rewards():
    chosen = rule("nemo_rl", token_mean={})
    close(chosen.signal(batch([1.0, 0.25])).advantages[:, 0], [1.0, 0.25])


def test_prime_rls_gate_draws_other_groups():
    refused = spoken("prime_rl", "dynamic_sampling").accept_groups(batch([1.0, 1.0, 1.0, 0.0], [0, 0, 1, 1]))
    assert refused.tolist() == [False, False, True, True]


def test_slimes_k3_is_bounded_by_ten_or_not_at_all():
    assert spoken("slime", "kl_loss").value_bound is None
    with pytest.raises(TrickError, match=r"^kl_loss: slime bounds k3 by 10 \(low_var_kl\) or not at all"):
        spoken("slime", "kl_loss", value_bound=5.0)


def test_trls_luspo_is_the_sum_over_responses_with_their_ratio():
    # trl/trainer/grpo_trainer.py:3145: the loss of a response times its length, averaged over responses.
    sampled, tricks = example(torch.float64), {"group_norm": {}, "gspo": {}, "sequence_sum": {}}
    leaf, mask = moved(sampled, by=2.0).requires_grad_(), sampled.response_mask
    rewards = sampled.rewards.view(-1, 4)
    norm = (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-4)
    ratio = (((leaf - sampled.old_log_probs) * mask).sum(1) / mask.sum(1)).exp()
    least = -torch.minimum(ratio * norm.view(-1), ratio.clamp(1 - 3e-4, 1 + 4e-4) * norm.view(-1))
    expected = (least * mask.sum(1)).mean()
    chosen = rule("trl", **tricks)
    assert loss(chosen, sampled, leaf.detach()) == pytest.approx(expected.item(), rel=1e-9)
    (wanted,) = torch.autograd.grad(expected, leaf)
    assert_close(gradient(chosen, sampled, leaf.detach()), wanted, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(
    "tricks",
    [
        {"group_norm": {}, "sequence_sum": {}},
        {"group_norm": {}, "gspo": {}, "sequence_sum": {}, "kl_loss": {}},
        {"group_norm": {}, "gspo": {}, "sequence_sum": {}, "truncated_is": {}},
    ],
)
def test_trls_luspo_with_losses_of_tokens_is_refused(tricks):
    with pytest.raises(TrickError, match=r"trl 1\.9\.2 averages over padding too"):
        rule("trl@1.9.2", **tricks)
    assert rule("trl@1.10.0", **tricks)


@pytest.mark.parametrize(
    ("emulate", "term"), [("verl@0.9.0", "kl_loss"), ("openrlhf", "kl_loss"), ("openrlhf", "entropy_bonus")]
)
def test_gspo_and_a_term_that_is_averaged_otherwise_are_refused(emulate, term):
    with pytest.raises(TrickError, match=rf"{emulate.replace('@', ' ')} averages .* over responses"):
        rule(emulate, group_norm={}, gspo={}, token_mean={}, **{term: {}})


def test_open_instructs_divergence_is_k3_unless_told_otherwise():
    assert any("estimator=k3" in words for words in OPEN_INSTRUCT.besides)
