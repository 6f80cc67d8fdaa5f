"""The training loop, which yields a report per step; the caller logs and stops it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.common import Stopwatch
from harness.config import RewardConfig
from harness.engines import ParityProbe
from harness.engines.base import ADVANTAGES_NAME, Decoding, Learner, Sampler, refuse_not_finite, unpad_prompts
from harness.rollouts import (
    RolloutQueue,
    RolloutSampler,
    build_rollouts,
    compute_mismatch,
    describe_text,
    resample,
    split_mismatch,
    summarize_rollouts,
)
from tricks import UpdateRule, ablate_each_trick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harness.rollouts import RolloutBatch, SampledBatch, Task, VerifiedRollouts


@dataclass(frozen=True, slots=True)
class StepReport:
    """The metrics of a step. Step 0 is the evaluation before training."""

    step: int
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class TrainerContext:
    """Engines, rule and settings of a training, the same in all steps."""

    sampler: Sampler
    learner: Learner
    rule: UpdateRule
    scale: RewardConfig
    decoding: Decoding
    seed: int
    probe: ParityProbe | None = None  # used after every weight sync; None: sampler and learner share one module

    def drawing(self, spares: Iterator[Task]) -> Callable[[int, Sequence[Task], Stopwatch], SampledBatch]:
        """Return a function that samples and verifies a step's tasks.

        ``spares`` are the tasks that replace prompts whose groups the rule rejects.
        """

        def drawn(step: int, tasks: Sequence[Task], watch: Stopwatch) -> SampledBatch:
            draw = RolloutSampler(self.sampler, self.decoding, self.seed, step, watch, self.scale.open_box)
            return resample(draw(tasks), draw, spares, self.rule, self.scale)

        return drawn


def train(
    sampler: Sampler,
    learner: Learner,
    rule: UpdateRule,
    scale: RewardConfig,
    batches: Iterable[Sequence[Task]],
    decoding: Decoding,
    seed: int,
    spares: Iterable[Task] = (),
) -> Iterator[StepReport]:
    """Train one step per batch: sample and verify, update, sync the weights.

    A step without an accepted group is skipped.

    Args:
        sampler: Generates the responses.
        learner: Trains the policy.
        rule: The update rule.
        scale: Rewards of correct and wrong responses.
        batches: Tasks of each step.
        decoding: Settings of the sampling.
        seed: Seed of the run.
        spares: Tasks that replace prompts whose groups the rule rejects.

    Yields:
        The report of each step.

    Raises:
        Diverged: A log-probability, an advantage, the loss, the gradient norm or a weight is not finite.

    """
    context = TrainerContext(sampler, learner, rule, scale, decoding, seed)
    return train_steps(context, RolloutQueue(enumerate(batches, start=1), context.drawing(iter(spares))))


def train_steps(context: TrainerContext, batches: RolloutQueue) -> Iterator[StepReport]:
    """Train one step per batch of the queue, as ``train`` does."""
    while True:
        watch = Stopwatch()
        with watch.phase("step"):
            ready = batches.take(watch)
            if ready is None:
                return
            batches.begin(watch)
            if not batches.busy:
                context.sampler.sleep()
            learned = _learned(context, ready, watch)
            batches.settle()
            gap = _handed_over(context, ready.batch, watch)
        yield StepReport(
            ready.step,
            {**learned, **gap, **ready.batch.metrics, **watch.spent(), **_throughput(ready.batch, watch)},
        )


def _learned(context: TrainerContext, ready: RolloutBatch, watch: Stopwatch) -> dict[str, float]:
    drawn, age = ready.batch.drawn, {"rollout/staleness": float(ready.age)}
    return age | (_skipped(context.rule) if drawn is None else _learn(context, drawn, watch, stale=ready.age > 0))


def _learn(context: TrainerContext, drawn: VerifiedRollouts, watch: Stopwatch, *, stale: bool) -> dict[str, float]:
    """Score the samples, compute their signal, and take the updates."""
    learner, rule, samples = context.learner, context.rule, drawn.samples
    with watch.phase("old_log_probs"):
        log_probs = learner.log_probs(samples)
        refuse_not_finite(log_probs, samples.response_mask, "the log-probs of the policy")
        ref_log_probs = learner.reference_log_probs(samples) if "ref_log_probs" in rule.needs else None
        if ref_log_probs is not None:
            refuse_not_finite(ref_log_probs, samples.response_mask, "the log-probs of the reference model")
    # Ratios compare with the policy that sampled. If that policy is older, its log-probs are the sampler's, unless an
    # importance weight of the rule corrects for the difference. Both sides of a ratio use the whole softmax. With the
    # sampler's cut distribution, every ratio would start below 1 by the share of the mass that top-p and top-k cut.
    old = samples.whole_log_probs if stale and "sampler_log_probs" not in rule.needs else log_probs
    rollouts = build_rollouts(drawn, context.scale, old, ref_log_probs, context.decoding.max_response_length)
    signal = rule.signal(rollouts)
    learned = signal.response_mask
    refuse_not_finite(signal.advantages.expand(learned.shape), learned, ADVANTAGES_NAME)
    with watch.phase("update"):
        updates = learner.update(samples, signal, rule, ablate_each_trick(rule, rollouts))
    gap = compute_mismatch(samples.log_probs, log_probs, samples.response_mask, rule.ratio_range)
    gap |= split_mismatch(samples, log_probs, rule.ratio_range)
    shape = describe_text(samples, drawn.right, log_probs)
    return {**summarize_rollouts(rollouts, drawn.right, signal), **shape, **gap, **updates}


def _handed_over(context: TrainerContext, batch: SampledBatch, watch: Stopwatch) -> dict[str, float]:
    """Sync the weights and compare sampler and learner on the probe, if there is one.

    Raises ParityError where they differ by more than the budget.
    """
    with watch.phase("sync"):
        context.sampler.update_weights(context.learner.weights())
    if context.probe is None:
        return {}
    probe = context.probe.on(unpad_prompts(batch.drawn.samples)) if batch.drawn else context.probe
    with watch.phase("parity"):
        return probe(context.sampler, context.learner)


def _skipped(rule: UpdateRule) -> dict[str, float]:
    """Return the metrics of a step without a sample to learn from: no trick acts in it."""
    return {"update/skipped": float(rule.setup.updates_per_rollout), **{f"fired/{name}": 0.0 for name in rule.tricks}}


def _throughput(batch: SampledBatch, watch: Stopwatch) -> dict[str, float]:
    tokens = 0.0 if batch.drawn is None else batch.drawn.samples.response_mask.sum().item()
    return {"tokens_per_second": tokens / watch.seconds["seconds/step"]}
