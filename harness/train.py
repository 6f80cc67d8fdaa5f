"""The training loop, start to end. It yields reports; logging and stopping are the caller's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.metrics import mismatch, summarize
from harness.resample import Draw, resample
from harness.statistics.rollout import describe
from harness.stopwatch import Stopwatch
from harness.tasks import score
from tricks.fired import ablations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.config import RewardConfig
    from harness.engines.protocols import Decoding, Learner, Sampler
    from harness.resample import Batch
    from harness.tasks import Drawn, Task
    from tricks.rule import UpdateRule


@dataclass(frozen=True, slots=True)
class StepReport:
    """The metrics of a step. Step 0 is the evaluation before training."""

    step: int
    metrics: dict[str, float]


def train(
    sampler: Sampler,
    learner: Learner,
    rule: UpdateRule,
    scale: RewardConfig,
    batches: Iterator[Sequence[Task]],
    decoding: Decoding,
    seed: int,
    spares: Iterable[Task] = (),
) -> Iterator[StepReport]:
    """One step per batch: sample and verify, learn, hand over the weights.

    ``spares`` take the places of prompts that the rule refuses to learn from. A step is skipped where none is left.
    """
    spares, limit = iter(spares), decoding.max_response_length
    for step, tasks in enumerate(batches, start=1):
        watch = Stopwatch()
        with watch.phase("step"):
            draw = Draw(sampler, decoding, seed, step, watch)
            batch = resample(draw(tasks), draw, spares, rule, scale)
            learned = _skipped(rule) if batch.drawn is None else _learn(batch.drawn, learner, rule, scale, limit, watch)
            with watch.phase("sync"):
                sampler.load(learner.weights())
        yield StepReport(step, {**learned, **batch.metrics, **watch.spent(), **_throughput(batch, watch)})


def _learn(
    drawn: Drawn, learner: Learner, rule: UpdateRule, scale: RewardConfig, limit: int, watch: Stopwatch
) -> dict[str, float]:
    """Score the samples, lay out their signal, and take the updates."""
    samples = drawn.samples
    with watch.phase("old_log_probs"):
        old_log_probs = learner.log_probs(samples)
        ref_log_probs = learner.reference_log_probs(samples) if "ref_log_probs" in rule.needs else None
    rollouts = score(drawn, scale, old_log_probs, ref_log_probs, limit)
    signal = rule.signal(rollouts)
    with watch.phase("update"):
        updates = learner.update(samples, signal, rule, ablations(rule, rollouts))
    gap = mismatch(samples.log_probs, old_log_probs, samples.response_mask)
    shape = describe(samples, drawn.right, old_log_probs)
    return {**summarize(rollouts, drawn.right, signal), **shape, **gap, **updates}


def _skipped(rule: UpdateRule) -> dict[str, float]:
    """A step without a sample to learn from: nothing changes, and no other trick can fire."""
    return {"update/skipped": float(rule.setup.updates_per_rollout), **{f"fired/{name}": 0.0 for name in rule.tricks}}


def _throughput(batch: Batch, watch: Stopwatch) -> dict[str, float]:
    tokens = 0.0 if batch.drawn is None else batch.drawn.samples.response_mask.sum().item()
    return {"tokens_per_second": tokens / watch.seconds["seconds/step"]}
