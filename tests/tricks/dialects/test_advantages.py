"""What one reward is worth in each framework, by value."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from tests.tricks.batches import AGREEMENT, DTYPES, example
from tests.tricks.dialects.spoken import advantages, batch, rule, spoken
from tricks.api import TrickError

ONE_OF_EIGHT = [1.0] + [0.0] * 7
# Mean 1/8; squares about it add up to 49/64 + 7/64 = 7/8, so the variance is 1/8 with n - 1 and 7/64 with n.
SAMPLE, POPULATION = math.sqrt(1 / 8), math.sqrt(7 / 64)

WORTH = {  # of the right and of a wrong answer, one of eight right
    "verl": (7 / 8 / (SAMPLE + 1e-6), -1 / 8 / (SAMPLE + 1e-6)),
    "roll": (7 / 8 / (SAMPLE + 1e-6), -1 / 8 / (SAMPLE + 1e-6)),
    "slime": (7 / 8 / (SAMPLE + 1e-6), -1 / 8 / (SAMPLE + 1e-6)),
    "openrlhf": (7 / 8 / (SAMPLE + 1e-9), -1 / 8 / (SAMPLE + 1e-9)),
    "oat": (7 / 8 / (SAMPLE + 1e-8), -1 / 8 / (SAMPLE + 1e-8)),
    "areal": (7 / 8 / (SAMPLE + 1e-5), -1 / 8 / (SAMPLE + 1e-5)),
    "trl": (7 / 8 / (SAMPLE + 1e-4), -1 / 8 / (SAMPLE + 1e-4)),
    "open_instruct": (7 / 8 / (POPULATION + 1e-8), -1 / 8 / (POPULATION + 1e-8)),
    # The others of the right answer are all 0: no deviation, not divided. Those of a wrong one have mean 1/7 and
    # squares 36/49 + 6/49 = 6/7, variance 1/7.
    "nemo_rl": (1.0, -1 / 7 / (math.sqrt(1 / 7) + 1e-6)),
}
RUN = {  # the same as the frameworks' own functions gave it, to four decimals
    "verl": (2.4749, -0.3536),
    "roll": (2.4749, -0.3536),
    "slime": (2.4749, -0.3536),
    "openrlhf": (2.4749, -0.3536),
    "trl": (2.4742, -0.3535),
    "open_instruct": (2.6458, -0.3780),
    "nemo_rl": (1.0000, -0.3780),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("emulate", WORTH)
def test_group_norm_of_one_right_answer_in_eight(emulate, dtype):
    found = advantages(spoken(emulate, "group_norm"), batch(ONE_OF_EIGHT, dtype=dtype))
    right, wrong = WORTH[emulate]
    agreement = AGREEMENT[torch.float32 if emulate == "nemo_rl" else dtype]  # NeMo-RL's statistics are float32's
    assert_close(found, torch.tensor([right] + [wrong] * 7, dtype=dtype), rtol=agreement, atol=0)


@pytest.mark.parametrize("emulate", RUN)
def test_group_norm_agrees_with_what_the_framework_itself_gave(emulate):
    found = advantages(spoken(emulate, "group_norm"), batch(ONE_OF_EIGHT))
    assert (round(float(found[0]), 4), round(float(found[1]), 4)) == RUN[emulate]


@pytest.mark.parametrize(
    "emulate", ["verl", "trl", "roll", "openrlhf", "areal", "open_instruct", "oat", "prime_rl", "slime"]
)
def test_mean_only_leaves_seven_eighths(emulate):
    found = advantages(spoken(emulate, "group_mean"), batch(ONE_OF_EIGHT))
    assert_close(found, torch.tensor([0.875] + [-0.125] * 7, dtype=torch.float64), rtol=1e-9, atol=0)


@pytest.mark.parametrize("emulate", ["verl", "openrlhf", "areal", "nemo_rl"])
def test_rloo_compares_with_the_seven_others(emulate):
    # 1 - 0/7 and 0 - 1/7.
    found = advantages(spoken(emulate, "rloo"), batch(ONE_OF_EIGHT))
    assert_close(found, torch.tensor([1.0] + [-1 / 7] * 7, dtype=torch.float64), rtol=1e-9, atol=0)


def test_mean_only_is_rloo_in_nemo_rl():
    assert spoken("nemo_rl", "group_mean") == spoken("nemo_rl", "rloo")


# Nine groups of eight with 0 to 8 right answers: 36 of 72. Raw squares about 1/2 add up to 18; within the groups they
# add up to the sum of k (8 - k) / 8 = 10.5. Both over 71.
NINE = [float(right > answer) for right in range(9) for answer in range(8)]
NINE_GROUPS = [right for right in range(9) for _ in range(8)]
RAW, CENTRED = math.sqrt(18 / 71), math.sqrt(10.5 / 71)


@pytest.mark.parametrize(
    ("emulate", "deviation", "printed"),
    [("roll", RAW + 1e-6, 1.738), ("trl", RAW + 1e-4, 1.737), ("areal", CENTRED + 1e-5, 2.275)],
)
def test_lite_ppos_batch_deviation_is_raw_or_about_the_group_means(emulate, deviation, printed):
    found = advantages(spoken(emulate, "group_mean_batch_std"), batch(NINE, NINE_GROUPS))[8]  # 1 of 8 right
    assert float(found) == pytest.approx(7 / 8 / deviation, rel=1e-9)
    assert float(found) == pytest.approx(printed, abs=5e-4)


# Seven rewards of 1 and one of 0.999: the odd one lies 7/8 of 0.001 below the mean, squares add up to 7/8 of 1e-6.
ALMOST_CONSTANT = [0.999] + [1.0] * 7
NARROW, NARROWER = math.sqrt(1e-6 / 8), math.sqrt(7e-6 / 64)


@pytest.mark.parametrize(
    ("emulate", "divisor", "printed"),
    [
        ("verl", NARROW + 1e-6, -2.468),
        ("areal", NARROW + 1e-5, -2.407),
        ("trl", NARROW + 1e-4, -1.929),
        ("openrlhf", NARROW + 1e-9, -2.4749),
        ("open_instruct", NARROWER + 1e-8, -2.6457),
    ],
)
def test_epsilon_decides_a_group_of_almost_equal_rewards(emulate, divisor, printed):
    found = float(advantages(spoken(emulate, "group_norm"), batch(ALMOST_CONSTANT))[0])
    assert found == pytest.approx(-0.000875 / divisor, rel=1e-9)
    assert found == pytest.approx(printed, abs=5e-4)


def test_mean_only_leaves_an_almost_equal_group_small():
    assert float(advantages(spoken("verl", "group_mean"), batch(ALMOST_CONSTANT))[0]) == pytest.approx(-0.000875)


@pytest.mark.parametrize(("emulate", "divisor"), [("roll", 1 + 1e-6), ("areal", 1 + 1e-5)])
def test_batch_norm_has_one_mean_and_one_deviation(emulate, divisor):
    # Rewards 0, 1, 2 in three groups of one: mean 1, variance 2 / 2.
    found = advantages(spoken(emulate, "batch_norm"), batch([0.0, 1.0, 2.0], [0, 1, 2]))
    assert_close(found, torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64) / divisor, rtol=1e-9, atol=0)


# Two responses of 1 and 3 tokens, advantages 1 and -1 over tokens: mean (1 - 3) / 4 = -1/2, squares 9/4 + 3/4 = 3, so
# the variance is 3/3 with n - 1 and 3/4 with n. Whitened: 3/2 and -1/2 over the deviation.
@pytest.mark.parametrize(
    ("emulate", "divisor"),
    [
        ("verl", math.sqrt(1 + 1e-8)),
        ("roll", math.sqrt(1 + 1e-8)),
        ("slime", math.sqrt(1 + 1e-8)),
        ("areal", 1 + 1e-5),
        ("openrlhf", math.sqrt(3 / 4)),
        ("nemo_rl", math.sqrt(3 / 4)),
    ],
)
def test_whitening_counts_tokens(emulate, divisor):
    chosen = rule(emulate, token_whitening={}, token_mean={})
    found = chosen.signal(batch([1.0, -1.0], lengths=[1, 3])).advantages[:, 0]
    assert_close(found, torch.tensor([1.5, -0.5], dtype=torch.float64) / divisor, rtol=1e-9, atol=0)


def test_trl_normalises_twice_over_responses():
    # Group norm gives plus and minus a = 1/2 / (sqrt(1/2) + 1e-4); four of these have variance 4/3 a^2.
    chosen = rule("trl", group_norm={}, token_whitening={"weights": "sequence"})
    found = chosen.signal(batch([1.0, 0.0, 1.0, 0.0], [0, 0, 1, 1], lengths=[1, 2, 3, 4])).advantages[:, 0]
    once = 0.5 / (math.sqrt(0.5) + 1e-4)
    twice = once / (math.sqrt(4 / 3) * once + 1e-4)
    assert_close(found, torch.tensor([twice, -twice] * 2, dtype=torch.float64), rtol=1e-9, atol=0)


@pytest.mark.parametrize(("mean", "std"), [("batch", "group"), ("none", "group")])
def test_roll_divides_by_a_group_deviation_after_a_group_mean_alone(mean, std):
    with pytest.raises(TrickError, match="^group_norm: roll stops with a wrong shape where a group deviation"):
        spoken("roll", "group_norm", mean=mean, std=std)


@pytest.mark.parametrize(("emulate", "clamped"), [("openrlhf", True), ("areal", True), ("roll", False)])
def test_a_divergence_to_go_is_held_to_ten_a_token_in_two_frameworks(emulate, clamped):
    # k1 of the token is log pi - log ref = 30, held to 10 or not.
    sampled = batch([1.0, 0.0], ref_log_probs=torch.tensor([[-30.0], [0.0]], dtype=torch.float64))
    to_go = spoken(emulate, "kl_to_go", coef=0.1)
    assert float(to_go.shape_advantages(sampled)[0, 0]) == pytest.approx(-0.1 * (10 if clamped else 30))


@pytest.mark.parametrize("emulate", ["verl", "oat"])
def test_a_divergence_in_the_reward_is_not_clamped(emulate):
    sampled = batch([1.0, 0.0], ref_log_probs=torch.tensor([[-30.0], [0.0]], dtype=torch.float64))
    assert float(spoken(emulate, "kl_reward", coef=0.1).shape_rewards(sampled)[0]) == pytest.approx(-3.0)


@pytest.mark.parametrize("emulate", ["roll", "slime"])
def test_three_frameworks_agree_on_group_norm_to_the_last_digit(emulate):
    sampled = example()
    theirs, verls = (advantages(spoken(name, "group_norm"), sampled) for name in (emulate, "verl"))
    assert torch.equal(theirs, verls)
