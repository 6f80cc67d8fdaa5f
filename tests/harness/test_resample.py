from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from torch import Tensor

from harness.common.resources import Stopwatch
from harness.common.seeds import derive_seed
from harness.config.experiment import RewardConfig, load_config
from harness.engines.base.protocols import Decoding
from harness.rollouts.generate import RolloutSampler, SampledBatch, Task, resample
from tests.harness.scripted import MIXED, RIGHT, WRONG, Scripted, task
from tricks.api import TrickError
from tricks.batch import Rollouts
from tricks.catalog import DEFAULT_TRICKS
from tricks.rule import UpdateRule

SCALE = RewardConfig(correct=1.0, wrong=0.0)
BATCH = [task(MIXED, 0), task(WRONG, 1), task(RIGHT, 2), task(MIXED, 3)]  # the rule refuses the second and the third


def resampled(
    spares: Sequence[Task], *settings: str, batch: Sequence[Task] = BATCH, sampler: Scripted | None = None
) -> SampledBatch:
    rule = load_config(*(f"+tricks.dynamic_sampling.{setting}" for setting in settings or ("rounds=4",))).update_rule()
    draw = RolloutSampler(sampler or Scripted(), Decoding(2, 1), 7, 1, Stopwatch())
    return resample(draw(batch), draw, iter(spares), rule, SCALE)


def numbers(batch: SampledBatch) -> list[int]:
    """Which prompts are trained on, in order."""
    assert batch.drawn is not None
    samples = batch.drawn.samples
    assert samples.group.tolist() == [group for group in range(len(samples.prompt_ids)) for _ in range(2)]
    assert samples.response_ids[::2, 0].tolist() == samples.prompt_ids[:, 1].tolist()
    return samples.prompt_ids[:, 1].tolist()


def test_without_such_a_trick_the_batch_stays_as_it_was_drawn() -> None:
    draw = RolloutSampler(Scripted(), Decoding(2, 1), 7, 1, Stopwatch())
    first = draw(BATCH)
    batch = resample(first, draw, iter(()), load_config("preset=grpo").update_rule(), SCALE)
    assert batch.drawn is first
    assert batch.metrics == {
        "rollout/accuracy": 0.5,
        "rollout/prompts": 4.0,
        "rollout/tokens": 8.0,
        "verifier/undecided": 0.0,
    }


def test_accepted_prompts_take_the_places_of_refused_ones() -> None:
    batch = resampled([task(MIXED, 10), task(MIXED, 11)])
    assert numbers(batch) == [0, 10, 11, 3]
    assert batch.drawn is not None
    assert batch.drawn.right.tolist() == [True, False] * 4


def test_each_round_asks_for_as_many_prompts_as_are_missing() -> None:
    sampler = Scripted()
    spares = [task(WRONG, 10), task(MIXED, 11), task(RIGHT, 12), task(MIXED, 13), task(MIXED, 14)]
    batch = resampled(spares, sampler=sampler)
    assert sampler.asked == [[0, 1, 2, 3], [10, 11], [12], [13]]
    assert numbers(batch) == [0, 11, 13, 3]
    assert batch.metrics["rollout/prompts"] == 8


def test_each_round_has_a_seed_of_its_own_and_the_first_that_of_any_run() -> None:
    sampler = Scripted()
    resampled([task(WRONG, number) for number in range(9)], "rounds=2", sampler=sampler)
    assert sampler.seeds == [
        derive_seed(7, "rollout", 1),
        derive_seed(7, "rollout", 1, 1),
        derive_seed(7, "rollout", 1, 2),
    ]


def test_at_the_cap_the_first_refused_groups_fill_the_batch() -> None:
    batch = resampled([task(MIXED, 10), task(WRONG, 11), task(MIXED, 12)], "rounds=1")
    assert numbers(batch) == [0, 1, 10, 3]
    assert batch.metrics["fired/dynamic_sampling"] == 0.25


def test_at_the_cap_a_short_batch_is_trained_on() -> None:
    batch = resampled([task(MIXED, 10), task(WRONG, 11)], "rounds=1", "at_cap=short")
    assert numbers(batch) == [0, 10, 3]
    assert batch.metrics["fired/dynamic_sampling"] == 0.5  # two of the four that were drawn first are gone


def test_a_short_batch_may_be_none_at_all() -> None:
    batch = resampled([], "at_cap=short", batch=[task(WRONG), task(RIGHT)])
    assert batch.drawn is None
    assert batch.metrics["fired/dynamic_sampling"] == 1


def test_a_batch_that_no_group_could_join_is_filled_with_all_that_was_refused() -> None:
    batch = resampled([task(WRONG, 10)] * 9, batch=[task(WRONG, 1), task(RIGHT, 2)])
    assert numbers(batch) == [1, 2]
    assert batch.metrics["fired/dynamic_sampling"] == 0


def test_accuracy_is_that_of_the_prompts_the_step_began_with() -> None:
    batch = resampled([task(MIXED, 10), task(MIXED, 11)], batch=[task(RIGHT, 0), task(RIGHT, 1)])
    assert batch.metrics["rollout/accuracy"] == 1


def test_nothing_is_drawn_where_every_group_is_accepted() -> None:
    def spares() -> Iterator[Task]:
        raise AssertionError("no spare prompt is needed")
        yield

    sampler = Scripted()
    rule = load_config("+tricks.dynamic_sampling={}").update_rule()
    draw = RolloutSampler(sampler, Decoding(2, 1), 7, 1, Stopwatch())
    batch = resample(draw([task(MIXED, 4), task(MIXED, 5)]), draw, spares(), rule, SCALE)
    assert (numbers(batch), len(sampler.seeds)) == ([4, 5], 1)
    assert batch.metrics["fired/dynamic_sampling"] == 0


def test_sampling_and_verification_of_all_rounds_are_timed_together() -> None:
    watch = Stopwatch()
    draw = RolloutSampler(Scripted(), Decoding(2, 1), 7, 1, watch)
    draw(BATCH)
    first = dict(watch.seconds)
    draw(BATCH, 1)
    assert all(watch.seconds[name] > first[name] for name in ("seconds/rollout", "seconds/reward"))


def test_a_group_of_a_scale_without_zero_is_accepted_by_its_differences_alone() -> None:
    rule = load_config("+tricks.dynamic_sampling={}").update_rule()
    draw = RolloutSampler(Scripted(), Decoding(2, 1), 7, 1, Stopwatch())
    accepted = draw.accepted(draw(BATCH), rule, RewardConfig(correct=1.0, wrong=-1.0))
    assert accepted.tolist() == [True, False, False, True]


@dataclass(frozen=True, slots=True)
class AcceptRight:
    """Refuses wrong responses one by one, which the contract leaves open to a trick."""

    rounds: int = 0
    at_cap: str = "short"

    def accept_groups(self, rollouts: Rollouts) -> Tensor:
        return rollouts.rewards > 0


def test_a_group_of_which_a_single_sample_is_refused_is_refused() -> None:
    rule = UpdateRule({"accept_right": AcceptRight()}, DEFAULT_TRICKS, load_config().setup())
    draw = RolloutSampler(Scripted(), Decoding(2, 1), 7, 1, Stopwatch())
    batch = resample(draw(BATCH), draw, iter(()), rule, SCALE)
    assert numbers(batch) == [2]  # the one that is right throughout
    assert batch.metrics["fired/accept_right"] == 0.75


def test_a_group_size_that_can_never_differ_is_refused_before_anything_starts() -> None:
    with pytest.raises(TrickError, match="dynamic_sampling: rewards differ in groups of 2 or more"):
        load_config("rollout.group_size=1", "+tricks.dynamic_sampling={}")
