"""Generation of rollouts: sample, verify, and resample groups that the rule rejects.

Resampling rejected groups is known as dynamic sampling (DAPO, arXiv:2503.14476).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final, Self

import torch
from torch import Tensor

from harness.common import Stopwatch, derive_seed
from harness.data import Problem
from harness.engines.base import Decoding, Sampler, Samples, join_samples, refuse_not_finite, select_prompts
from harness.rewards import Function, find_judge as by_function, judge_integer
from harness.verify import get_shared_verifier
from harness.verify.model import Gold, OpenBox
from tricks import Rollouts, hint_positive_log_probs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.config import RewardConfig
    from harness.verify.model import Judgment
    from tricks import UpdateRule


_TOLD: Final = set[str]()  # hints that this process has printed


@dataclass(frozen=True, slots=True)
class Task:
    """A problem and its prompt as token ids."""

    problem: Problem
    prompt_ids: tuple[int, ...]
    function: Function | None = None  # a user's reward function, which judges instead of the problem's verifier


@dataclass(frozen=True, slots=True)
class VerifiedRollouts:
    """Samples of whole groups with their verdicts; all verdicts but ``credit`` are (B,) bool."""

    samples: Samples
    right: Tensor
    formatted: Tensor  # the last box holds an answer, correct or wrong
    undecided: Tensor  # the verifier hit a limit; counts as wrong
    credit: Tensor | None = None  # (B,) float64 in [0, 1], from a reward function; None: 1 if correct, else 0

    @classmethod
    def of(cls, samples: Samples, verdicts: Sequence[Judgment]) -> Self:
        """Combine samples with the verdict on each of them."""
        right = torch.tensor([verdict.right for verdict in verdicts])
        formatted = torch.tensor([verdict.answer is not None for verdict in verdicts])
        undecided = torch.tensor([verdict.undecided for verdict in verdicts])
        graded = any(verdict.score is not None for verdict in verdicts)
        credit = torch.tensor([verdict.credit for verdict in verdicts], dtype=torch.float64) if graded else None
        return cls(samples, right, formatted, undecided, credit)

    @property
    def prompts(self) -> int:
        """Number of groups."""
        return len(self.samples.prompt_ids)

    def join(self, other: VerifiedRollouts) -> VerifiedRollouts:
        """Concatenate these groups and the other ones."""
        pairs = zip(self._words(), other._words(), strict=True)
        right, formatted, undecided = (torch.cat(pair) for pair in pairs)
        credit = None
        if self.credit is not None and other.credit is not None:
            credit = torch.cat((self.credit, other.credit))
        return VerifiedRollouts(join_samples([self.samples, other.samples]), right, formatted, undecided, credit)

    def pick(self, prompts: Tensor) -> VerifiedRollouts:
        """Return the groups of the given prompts (n,), in that order."""
        samples, rows = select_prompts(self.samples, prompts)
        credit = None if self.credit is None else self.credit[rows]
        right, formatted, undecided = (word[rows] for word in self._words())
        return VerifiedRollouts(samples, right, formatted, undecided, credit)

    def _words(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.right, self.formatted, self.undecided


def verify_samples(
    samples: Samples, tasks: Sequence[Task], *, open_box: OpenBox = "wrong", votes: bool = False
) -> list[Judgment]:
    """Judge each of the B responses; all mathematics goes to the verifier in one call.

    Args:
        samples: The responses, each with the number of its task.
        tasks: The tasks. Where they have a reward function, only this function judges.
        open_box: Verdict on a response whose last box is left open after a complete one.
        votes: Whether wrong answers of equal value get the same text, as a majority vote needs.

    Returns:
        One verdict per response.

    Raises:
        Diverged: The sampler's log-probabilities are not finite, so its samples are meaningless.
        RewardError: The reward function breaks its contract.

    """
    refuse_not_finite(samples.log_probs, samples.response_mask, "the sampler's log-probs")
    warn_positive_log_probs(samples)
    asked = [tasks[index].problem for index in samples.group.tolist()]
    function = tasks[0].function if tasks else None
    if function is not None:
        return by_function(function).verify(list(zip(asked, samples.texts, strict=True)))
    pairs = list(zip(asked, samples.texts, strict=True))
    mathematics = [(Gold(problem.answer, problem.tolerance), text) for problem, text in pairs if _is_math(problem)]
    verdicts = iter(get_shared_verifier().verify(mathematics, open_box=open_box, votes=votes) if mathematics else ())
    return [
        next(verdicts) if _is_math(problem) else judge_integer(text, problem.answer, open_box=open_box)
        for problem, text in pairs
    ]


def build_rollouts(
    drawn: VerifiedRollouts, scale: RewardConfig, old_log_probs: Tensor, ref_log_probs: Tensor | None, limit: int
) -> Rollouts:
    """Convert verified samples to the input of the tricks.

    Args:
        drawn: B verified samples.
        scale: Rewards of correct and wrong responses.
        old_log_probs: (B, T), log-probabilities before the first update.
        ref_log_probs: (B, T), log-probabilities under the reference model; None where no rule needs them.
        limit: Largest allowed number of tokens of a response.

    Returns:
        The rollouts.

    """
    samples = drawn.samples
    return Rollouts(
        old_log_probs=old_log_probs,
        response_mask=samples.response_mask,
        rewards=_rewards(drawn, scale),
        group=samples.group,
        truncated=samples.truncated,
        sampler_log_probs=samples.log_probs,
        ref_log_probs=ref_log_probs,
        ended=~samples.truncated,  # a sampler stops at EOS or at the limit; at the limit, an EOS still ends a response
        formatted=drawn.formatted,
        max_response_length=limit,
    )


def _rewards(drawn: VerifiedRollouts, scale: RewardConfig) -> Tensor:
    """Return rewards (B,): wrong + credit * (correct - wrong).

    At credits of 0 and 1 they are exactly the two values of the scale.
    """
    if drawn.credit is None:
        return torch.where(drawn.right, scale.correct, scale.wrong).float()
    between = scale.wrong + drawn.credit * (scale.correct - scale.wrong)
    return torch.where(drawn.credit == 1, scale.correct, between).float()


def _is_math(problem: Problem) -> bool:
    return problem.verifier == "math"


def warn_positive_log_probs(samples: Samples) -> None:
    """Print a hint, once per process, where a sampler reports probabilities above 1."""
    if "positive" in _TOLD:
        return
    for hint in hint_positive_log_probs("the sampler's log_probs", samples.log_probs, samples.response_mask):
        _TOLD.add("positive")
        print(f"hint: {hint}", file=sys.stderr)


@dataclass(frozen=True, slots=True)
class SampledBatch:
    """The rollouts of a step. ``drawn`` is None where the rule accepts no group."""

    drawn: VerifiedRollouts | None
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class RolloutSampler:
    """Function that samples and verifies responses in one step."""

    sampler: Sampler
    decoding: Decoding
    seed: int
    step: int
    watch: Stopwatch
    open_box: OpenBox = "wrong"  # verdict on a response whose last box is left open

    def __call__(self, tasks: Sequence[Task], *extra_round: int) -> VerifiedRollouts:
        """Sample and verify responses; the seed depends on run, step and extra round."""
        with self.watch.phase("rollout"):
            seed = derive_seed(self.seed, "rollout", self.step, *extra_round)
            samples = self.sampler.sample([task.prompt_ids for task in tasks], self.decoding, seed)
        with self.watch.phase("reward"):
            return VerifiedRollouts.of(samples, verify_samples(samples, tasks, open_box=self.open_box))

    def accepted(self, drawn: VerifiedRollouts, rule: UpdateRule, scale: RewardConfig) -> Tensor:
        """Return a mask (N,) of the prompts with no rejected sample.

        The sampler's log-probabilities are used in place of the learner's.

        Args:
            drawn: Verified samples of N prompts.
            rule: The update rule.
            scale: Rewards of correct and wrong responses.

        Returns:
            (N,) bool.

        """
        samples, limit = drawn.samples, self.decoding.max_response_length
        refused = ~rule.accepted(build_rollouts(drawn, scale, samples.whole_log_probs, None, limit))
        return torch.bincount(samples.group[refused], minlength=drawn.prompts) == 0


def resample(
    first: VerifiedRollouts, draw: RolloutSampler, spares: Iterator[Task], rule: UpdateRule, scale: RewardConfig
) -> SampledBatch:
    """Resample the groups that the rule rejects until it accepts enough or its limit is reached.

    Args:
        first: The samples of the step's own tasks.
        draw: Samples and verifies further tasks.
        spares: Tasks that replace the rejected ones.
        rule: The update rule, whose resampling trick limits the number of rounds.
        scale: Rewards of correct and wrong responses.

    Returns:
        The batch to train on and the metrics of the sampling.

    """
    metrics = {"rollout/accuracy": first.right.float().mean().item()}
    if rule.resampling is None:
        return SampledBatch(first, metrics | _sampled(first))
    trick, pool, accepted = rule.tricks[rule.resampling], first, draw.accepted(first, rule, scale)
    for extra_round in range(1, trick.rounds + 1):
        tasks = list(islice(spares, first.prompts - int(accepted.sum())))
        if not tasks:
            break
        more = draw(tasks, extra_round)
        pool, accepted = pool.join(more), torch.cat((accepted, draw.accepted(more, rule, scale)))
    chosen = _chosen(accepted[: first.prompts], accepted[first.prompts :], short=trick.at_cap == "short")
    metrics[f"fired/{rule.resampling}"] = 1 - (chosen < first.prompts).sum().item() / first.prompts
    return SampledBatch(pool.pick(chosen) if len(chosen) else None, metrics | _sampled(pool))


def _sampled(drawn: VerifiedRollouts) -> dict[str, float]:
    return {
        "rollout/prompts": float(drawn.prompts),
        "rollout/tokens": float(drawn.samples.response_mask.sum()),
        "verifier/undecided": drawn.undecided.float().mean().item(),
    }


def _chosen(accepted: Tensor, extra: Tensor, *, short: bool) -> Tensor:
    """Return the prompts to train on: accepted extra ones replace the last rejected ones."""
    chosen, extras = torch.arange(len(accepted)), extra.nonzero()[:, 0] + len(accepted)
    left, replaced = (~accepted).nonzero()[:, 0].tensor_split([int((~accepted).sum()) - len(extras)])
    chosen[replaced] = extras
    if not short:
        return chosen
    chosen[left] = -1
    return chosen[chosen >= 0]
