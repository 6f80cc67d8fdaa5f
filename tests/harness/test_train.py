from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

import pytest
import torch

from harness.config.experiment import RewardConfig, load_config
from harness.data.catalog import Problem
from harness.engines.base.protocols import Decoding, Samples
from harness.rollouts.generate import Task
from harness.rollouts.metrics import METRICS, find_metric_family, is_timing
from harness.training.loop import StepReport, train
from tricks.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from tricks.batch import Signal
    from tricks.fired import AblatedRule
    from tricks.rule import UpdateRule

ANSWERS = 5
TASKS = [Task(Problem(str(i), str(i), str(2 * i % ANSWERS)), (i,)) for i in range(3)]
SCALE = RewardConfig(correct=1.0, wrong=0.0)


class TableOfLogits:
    """The smallest policy that both protocols fit: one token a response, one row of logits a prompt."""

    def __init__(self, micro_batch: int = 24) -> None:
        self.logits = torch.zeros(3, ANSWERS, requires_grad=True)
        self.optimizer = torch.optim.SGD([self.logits], lr=1.5)
        self.micro_batch = micro_batch

    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int) -> Samples:
        generator = torch.Generator().manual_seed(seed)
        group = torch.arange(len(prompts)).repeat_interleave(decoding.group_size)
        prompt_ids = torch.tensor([list(ids) for ids in prompts])
        tokens = torch.multinomial(self.logits.detach().softmax(-1)[prompt_ids[group, 0]], 1, generator=generator)
        mask, truncated = torch.ones_like(tokens, dtype=torch.bool), torch.zeros(len(group), dtype=torch.bool)
        texts = tuple(rf"\boxed{{{int(token)}}}" for token in tokens)
        samples = Samples(
            prompt_ids,
            torch.ones_like(prompt_ids, dtype=torch.bool),
            group,
            tokens,
            mask,
            truncated,
            mask.float(),
            texts,
        )
        return Samples(*(getattr(samples, name) for name in Samples.__slots__[:6]), self.log_probs(samples), texts)

    def update_weights(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        list(weights)

    def sleep(self) -> None:
        pass

    def log_probs(self, samples: Samples) -> Tensor:
        return self._scores(samples).detach()

    def reference_log_probs(self, samples: Samples) -> Tensor:
        return torch.full(samples.response_ids.shape, 1 / ANSWERS).log()

    def update(
        self, samples: Samples, signal: Signal, rule: UpdateRule, ablated: Sequence[AblatedRule] = ()
    ) -> dict[str, float]:
        weights, total = rule.loss_weights(signal), 0.0
        self.optimizer.zero_grad()
        for first in range(0, len(weights), self.micro_batch):
            rows = slice(first, first + self.micro_batch)
            loss = rule.loss(self._scores(samples)[rows], signal[rows], weights[rows])
            loss.backward()
            total += loss.item()
        self.optimizer.step()
        return {"update/loss": total}

    def weights(self) -> Iterable[tuple[str, Tensor]]:
        return [("logits", self.logits.detach())]

    def _scores(self, samples: Samples) -> Tensor:
        rows = samples.prompt_ids[samples.group, 0]
        return self.logits.log_softmax(-1)[rows].gather(1, samples.response_ids)


def run(preset: str, steps: int = 60, micro_batch: int = 24, seed: int = 0) -> list[StepReport]:
    policy = TableOfLogits(micro_batch)
    rule = load_config(f"preset={preset}").update_rule()
    return list(train(policy, policy, rule, SCALE, repeat(TASKS, steps), Decoding(8, 1), seed))


def accuracy(reports: list[StepReport]) -> list[float]:
    return [report.metrics["rollout/accuracy"] for report in reports]


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_learns_a_table_of_logits(preset: str) -> None:
    curve = accuracy(run(preset))
    assert curve[0] < 0.5
    assert sum(curve[-10:]) / 10 > 0.9


def test_micro_batches_do_not_change_the_run() -> None:
    assert accuracy(run("liteppo", micro_batch=24)) == pytest.approx(accuracy(run("liteppo", micro_batch=6)), abs=1e-6)


def test_the_same_seed_gives_the_same_metrics_and_another_does_not() -> None:
    def numbers(seed: int) -> list[dict[str, float]]:
        reports = run("grpo", steps=5, seed=seed)
        return [{k: v for k, v in report.metrics.items() if not is_timing(k)} for report in reports]

    assert numbers(1) == numbers(1)
    assert numbers(1) != numbers(2)


def test_steps_count_from_one_and_every_metric_is_documented() -> None:
    reports = run("grpo", steps=2)
    assert [report.step for report in reports] == [1, 2]
    assert {find_metric_family(name) for name in reports[0].metrics} <= set(METRICS)


def test_the_batch_is_described_by_hand_checked_numbers() -> None:
    policy = TableOfLogits()
    with torch.no_grad():  # prompt 0 always answers 0, which is right; prompts 1 and 2 always answer 1, wrong for both
        policy.logits[:] = -100.0
        policy.logits[0, 0] = policy.logits[1, 1] = policy.logits[2, 1] = 100.0
    rule = load_config("preset=grpo").update_rule()
    (report,) = train(policy, policy, rule, SCALE, repeat(TASKS, 1), Decoding(8, 1), 0)
    metrics = report.metrics
    assert metrics["rollout/accuracy"] == pytest.approx(1 / 3)
    assert metrics["groups/all_right"] == pytest.approx(1 / 3)
    assert metrics["groups/all_wrong"] == pytest.approx(2 / 3)
    assert metrics["reward/std"] == pytest.approx((24 * (1 / 3) * (2 / 3) / 23) ** 0.5)
    assert metrics["advantage/max"] == 0.0  # no group holds both
    assert metrics["response/length"] == 1.0
    assert metrics["update/kept"] == 1.0


def test_a_step_without_a_group_to_learn_from_changes_nothing_and_is_counted() -> None:
    policy = TableOfLogits()
    with torch.no_grad():  # every prompt always answers 0, which is right for prompt 0 alone
        policy.logits[:] = -100.0
        policy.logits[:, 0] = 100.0
    before = policy.logits.detach().clone()
    rule = load_config("preset=grpo", "+tricks.dynamic_sampling={at_cap: short}").update_rule()
    (report,) = train(policy, policy, rule, SCALE, repeat(TASKS, 1), Decoding(8, 1), 0, TASKS)
    assert torch.equal(policy.logits, before)
    assert report.metrics["update/skipped"] == 4  # all updates of the step
    assert report.metrics["rollout/accuracy"] == pytest.approx(1 / 3)
    assert report.metrics["rollout/prompts"] == 6  # three, and the three spare ones
    assert report.metrics["fired/dynamic_sampling"] == 1
    assert report.metrics["fired/group_norm"] == 0
    assert "update/loss" not in report.metrics


def test_a_prompt_drawn_anew_is_learnt_from() -> None:
    def last(*overrides: str) -> dict[str, float]:
        policy = TableOfLogits()
        with torch.no_grad():  # prompt 0 is solved; the group of another says something
            policy.logits[0] = torch.tensor([100.0, 0, 0, 0, 0])
        rule = load_config("preset=grpo", *overrides).update_rule()
        (report,) = train(policy, policy, rule, SCALE, repeat(TASKS[:1], 1), Decoding(8, 1), 0, TASKS[1:])
        assert bool(policy.logits[1:].abs().sum() > 0) == bool(overrides)
        return report.metrics

    assert last()["groups/all_right"] == 1
    assert last("+tricks.dynamic_sampling={}")["groups/all_right"] == 0


def test_rewards_that_are_no_numbers_stop_the_run() -> None:
    policy, rule = TableOfLogits(), load_config("preset=grpo").update_rule()
    scale = RewardConfig(correct=float("nan"), wrong=0.0)
    with pytest.raises(ValueError, match="Rollouts.rewards"):
        list(train(policy, policy, rule, scale, repeat(TASKS, 60), Decoding(8, 1), 0))
