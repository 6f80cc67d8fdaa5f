from __future__ import annotations

from dataclasses import replace

import torch

from harness.config.experiment import RewardConfig
from harness.engines.base.protocols import Decoding
from harness.rollouts.generate import VerifiedRollouts, build_rollouts, verify_samples
from tests.harness.scripted import MIXED, RIGHT, Scripted, task

TASKS = [task(MIXED, 3), task(RIGHT, 5)]
SAMPLES = Scripted().sample([one.prompt_ids for one in TASKS], Decoding(2, 1), 0)
NOW = torch.zeros(4, 1)


def test_a_response_is_held_against_the_answer_of_its_own_prompt() -> None:
    assert VerifiedRollouts.of(SAMPLES, verify_samples(SAMPLES, TASKS)).right.tolist() == [True, False, True, True]


def test_tricks_see_everything_that_the_loop_knows() -> None:
    samples = replace(
        SAMPLES,
        truncated=torch.tensor([False, True, False, False]),
        log_probs=NOW - 0.5,
        texts=("1", r"\boxed{7}", r"\boxed{1}", r"\boxed{1}"),
    )
    drawn = VerifiedRollouts.of(samples, verify_samples(samples, TASKS))
    seen = build_rollouts(drawn, RewardConfig(correct=2.0, wrong=-1.0), NOW - 1, NOW - 2, 9)
    assert seen.rewards.tolist() == [-1, -1, 2, 2]
    assert seen.truncated.tolist() == [False, True, False, False]
    assert seen.ended is not None
    assert seen.ended.tolist() == [True, False, True, True]
    assert seen.formatted is not None
    assert seen.formatted.tolist() == [False, True, True, True]
    assert seen.sampler_log_probs is samples.log_probs
    assert seen.ref_log_probs is not None
    assert (seen.old_log_probs[0, 0], seen.ref_log_probs[0, 0], seen.max_response_length) == (-1, -2, 9)
