from dataclasses import replace

import pytest
import torch

from sweeps.equivalence.batches import BatchShape
from sweeps.equivalence.gradients import Breakpoints, build_probes, compute_answer, is_same_answer
from tests.sweeps.rules import side

SHAPE = BatchShape(group_size=4, groups=2, updates=2, limit=20, moved=True, split=True)


@pytest.fixture(scope="module")
def probe():
    return next(build_probes(SHAPE, Breakpoints.of([side("grpo").rule], SHAPE)))


@pytest.fixture(scope="module")
def found(probe):
    return compute_answer(side("grpo"), probe, split=True)


def test_a_gradient_is_that_of_the_loss_of_each_update(probe, found):
    chosen = side("grpo")
    rollouts = probe.rewarded(chosen.right, chosen.wrong)
    signal = chosen.rule.signal(rollouts)
    log_probs = probe.log_probs.clone().requires_grad_()
    for rows in probe.updates:
        weights = chosen.rule.loss_weights(signal[rows])
        chosen.rule.loss(log_probs[rows], signal[rows], weights).backward()
    torch.testing.assert_close(found.gradients[0, 0], log_probs.grad)


def test_what_agrees_to_one_part_in_a_million_agrees(found):
    assert is_same_answer(found, replace(found, gradients=found.gradients * (1 + 1e-6)), 1e-5)
    assert not is_same_answer(found, replace(found, gradients=found.gradients * (1 + 2e-5)), 1e-5)


def test_one_token_is_enough_to_differ(found):
    other = found.gradients.clone()
    other[0, 0].flatten()[other[0, 0].abs().argmax()] *= 1.01
    assert not is_same_answer(found, replace(found, gradients=other), 1e-5)


def test_a_small_difference_of_large_numbers_need_not_be_exact(found):
    size = found.gradients.abs()
    usual = size[size > 0].median()
    assert is_same_answer(found, replace(found, gradients=found.gradients + 1e-6 * usual), 1e-5)


def test_an_update_that_one_side_skips_sets_them_apart(found):
    assert not is_same_answer(found, replace(found, taken=(True, False)), 1e-5)


def test_a_group_that_one_side_refuses_sets_them_apart(found):
    refused = found.accepted.clone()
    refused[:4] = False
    assert not is_same_answer(found, replace(found, accepted=refused), 1e-5)


def test_rewards_are_rounded_as_a_run_rounds_them(probe):
    # 0.1 in float32 is 0.1 and 1.5e-9.
    rewards = probe.rewarded(0.1, 0.0).rewards
    assert rewards.dtype == torch.float64
    assert rewards.max().item() == torch.tensor(0.1).double().item() != 0.1
