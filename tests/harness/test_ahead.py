"""Batches sampled one step ahead: by which weights, with which ratios, and where a run that was cut goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import pytest
import torch

from harness.common.schema import SchemaError
from harness.config.experiment import load_config
from harness.engines.base.protocols import Decoding, Samples
from harness.rollouts.queue import RolloutQueue
from harness.training.loop import StepReport, TrainerContext, train_steps
from tests.harness.checkpoint.runs import advance, checkpoints, finish, result, spec
from tests.harness.test_train import SCALE, TASKS, TableOfLogits
from tricks.rule import UpdateRule

AHEAD = ("preset=grpo", "rollout.ahead=1")


class Recorded(TableOfLogits):
    """Remembers the weights that sampled, and the ratios' denominators."""

    def __init__(self) -> None:
        super().__init__()
        self.sampled_by: list[torch.Tensor] = []
        self.old: list[tuple[torch.Tensor, torch.Tensor]] = []

    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int) -> Samples:
        self.sampled_by.append(self.logits.detach().clone())
        return super().sample(prompts, decoding, seed)

    def update(self, samples, signal, rule, ablated=()):  # type: ignore[no-untyped-def]
        self.old.append((signal.old_log_probs, samples.log_probs))
        return super().update(samples, signal, rule, ablated)


def lesson(policy: TableOfLogits, rule: UpdateRule) -> TrainerContext:
    return TrainerContext(policy, policy, rule, SCALE, Decoding(8, 1), 0)


def taught(policy: TableOfLogits, rule: UpdateRule, count: int, *, ahead: bool) -> list[StepReport]:
    chosen = lesson(policy, rule)
    batches = RolloutQueue(enumerate(repeat(TASKS, count), start=1), chosen.drawing(iter(())), steps_ahead=ahead)
    return list(train_steps(chosen, batches))


def test_a_batch_is_sampled_by_the_weights_before_the_last_update() -> None:
    policy = Recorded()
    before = [policy.logits.detach().clone()]
    chosen = lesson(policy, load_config("preset=grpo").update_rule())
    for _ in train_steps(
        chosen, RolloutQueue(enumerate(repeat(TASKS, 4), start=1), chosen.drawing(iter(())), steps_ahead=True)
    ):
        before.append(policy.logits.detach().clone())
    # Steps 1 and 2 are sampled by the first weights, step 3 by those after step 1, step 4 by those after step 2.
    for sampled, expected in zip(policy.sampled_by, (before[0], before[0], before[1], before[2]), strict=True):
        assert torch.equal(sampled, expected)
    assert not torch.equal(before[0], before[1])


def test_staleness_is_logged() -> None:
    reports = taught(TableOfLogits(), load_config("preset=grpo").update_rule(), 3, ahead=True)
    assert [report.metrics["rollout/staleness"] for report in reports] == [0, 1, 1]
    reports = taught(TableOfLogits(), load_config("preset=grpo").update_rule(), 3, ahead=False)
    assert [report.metrics["rollout/staleness"] for report in reports] == [0, 0, 0]


def test_ratios_are_to_the_policy_that_sampled() -> None:
    policy = Recorded()
    reports = taught(policy, load_config("preset=grpo").update_rule(), 3, ahead=True)
    for old, sampled in policy.old:
        assert torch.equal(old, sampled)
    assert reports[0].metrics["mismatch/max"] == 0
    assert reports[1].metrics["mismatch/max"] > 0.01  # the learner has moved on


class Cut(Recorded):
    """Draws as if a cut had left half of the mass at every token."""

    def sample(self, prompts: Sequence[Sequence[int]], decoding: Decoding, seed: int) -> Samples:
        samples = super().sample(prompts, decoding, seed)
        half = torch.full_like(samples.log_probs, 0.5).log()
        return replace(samples, log_probs=samples.log_probs - half, log_kept=half)


def test_a_cut_moves_no_ratio() -> None:
    plain, cut, rule = Recorded(), Cut(), load_config("preset=grpo").update_rule()
    usual, reports = (taught(policy, rule, 3, ahead=True) for policy in (plain, cut))
    for (expected, _), (old, sampled) in zip(plain.old, cut.old, strict=True):
        torch.testing.assert_close(old, expected)
        assert not torch.allclose(old, sampled)
    for ours, theirs in zip(reports, usual, strict=True):
        assert ours.metrics["mismatch/cut"] == pytest.approx(-torch.tensor(0.5).log().item())
        assert ours.metrics["mismatch/engines"] == pytest.approx(theirs.metrics["mismatch/mean"], abs=1e-6)
        assert theirs.metrics["mismatch/cut"] == 0


def test_a_rule_that_corrects_by_weights_keeps_its_own_ratios() -> None:
    policy = Recorded()
    taught(policy, load_config("preset=grpo", "+tricks.truncated_is={}").update_rule(), 2, ahead=True)
    old, sampled = policy.old[1]
    assert not torch.equal(old, sampled)


def test_stale_batches_still_teach() -> None:
    reports = taught(TableOfLogits(), load_config("preset=liteppo").update_rule(), 60, ahead=True)
    assert sum(report.metrics["rollout/accuracy"] for report in reports[-10:]) / 10 > 0.9


def test_a_sampler_with_weights_of_its_own_works_while_the_learner_does() -> None:
    """The draw waits for the learner: only a thread of its own can then let both go on."""
    policy, learning = TableOfLogits(), threading.Event()
    chosen = lesson(policy, load_config("preset=grpo").update_rule())
    draw, update = chosen.drawing(iter(())), policy.update

    def patient(step, tasks, watch):  # type: ignore[no-untyped-def]
        assert step == 1 or learning.wait(60)
        return draw(step, tasks, watch)

    def noted(*given):  # type: ignore[no-untyped-def]
        learning.set()
        return update(*given)

    policy.update = noted  # type: ignore[method-assign]
    batches = RolloutQueue(enumerate(repeat(TASKS, 2), start=1), patient, steps_ahead=True, separate_engine=True)
    assert [report.step for report in train_steps(chosen, batches)] == [1, 2]


@pytest.mark.parametrize(("ahead", "rests"), [(True, 1), (False, 3)])
def test_a_sampler_that_is_at_work_is_not_told_to_rest(ahead: bool, rests: int) -> None:
    policy, told = TableOfLogits(), []
    policy.sleep = lambda: told.append("sleep")  # type: ignore[method-assign]
    chosen = lesson(policy, load_config("preset=grpo").update_rule())
    batches = RolloutQueue(
        enumerate(repeat(TASKS, 3), start=1), chosen.drawing(iter(())), steps_ahead=ahead, separate_engine=True
    )
    assert len(list(train_steps(chosen, batches))) == 3
    assert len(told) == rests


def test_what_fails_in_the_thread_fails_the_run() -> None:
    chosen = lesson(TableOfLogits(), load_config("preset=grpo").update_rule())
    draw = chosen.drawing(iter(()))

    def failing(step, tasks, watch):  # type: ignore[no-untyped-def]
        if step == 2:
            raise RuntimeError("no answer from the engine")
        return draw(step, tasks, watch)

    def reports() -> Iterator[StepReport]:
        return train_steps(
            chosen, RolloutQueue(enumerate(repeat(TASKS, 3), start=1), failing, steps_ahead=True, separate_engine=True)
        )

    with pytest.raises(RuntimeError, match="no answer from the engine"):
        list(reports())


def test_a_cut_run_goes_on_with_the_batch_that_was_waiting(tmp_path: Path) -> None:
    """With spare prompts of dynamic sampling: test_what_a_run_may_hold[ahead] in test_exact_resume.py."""
    chosen = spec(*AHEAD)
    finish(chosen, tmp_path / "whole")
    for step in range(3):
        advance(chosen, tmp_path / "cut", step)
    finish(chosen, tmp_path / "cut")
    assert result(tmp_path / "cut") == result(tmp_path / "whole")


def test_a_waiting_batch_is_kept_without_pickles(tmp_path: Path) -> None:
    advance(spec(*AHEAD), tmp_path, 2)
    kept = tmp_path / "checkpoints" / checkpoints(tmp_path)[-1]
    assert {"batch.json", "batch.safetensors"} <= {path.name for path in kept.iterdir()}


def test_being_ahead_names_another_cell() -> None:
    assert load_config("rollout.ahead=1").cell_id() != load_config().cell_id()


def test_engines_that_take_turns_cannot_be_ahead() -> None:
    with pytest.raises(SchemaError, match=r"rollout.ahead: .* set backend.colocated=false"):
        load_config("model=qwen3_4b", "data=math_easy", "eval=paper", "backend=gpu", "rollout.ahead=1")
