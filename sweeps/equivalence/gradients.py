"""Compare update rules by their gradients on synthetic batches."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, Final, Self

import torch
from torch import Tensor

from sweeps.equivalence.batches import (
    SyntheticBatch,
    build_batch,
    choose_lengths,
    collect_counts,
    collect_numbers,
    divergences,
    log_ratios,
)
from tricks import (
    Clip,
    ClippedWeight,
    EntropyBonus,
    KlLoss,
    PolicyGradient,
    Rollouts,
    TruncatedImportance,
    UpdateRule,
    compute_token_gradients,
    list_needs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sweeps.equivalence.batches import BatchShape
    from tricks import Signal


CLOSE: Final = 1e-5  # relative tolerance of equal gradients
ROUGH: Final = 1e-4  # with one correct sample in a batch the standard deviation is small, and epsilon matters
_LONG: Final = 64  # tokens; longer batches are needed only where a setting counts tokens or bounds sums over them
_NARROW: Final = 12  # tokens
_TOKENS: Final = 2**16  # tokens of the largest probe with a whole batch of long responses
_MOST: Final = 64  # largest number of probes of one kind
_ON_TOKENS: Final = ("surrogate", "token_losses", "token_weights")
_BY_TOKEN: Final = (Clip, ClippedWeight, PolicyGradient, KlLoss, EntropyBonus)
_BOUNDS: Final = ("clip_rewards", "clip_advantages")


@dataclass(frozen=True, slots=True)
class Breakpoints:
    """The thresholds of some rules: values where their gradients may change."""

    ratios: tuple[float, ...]  # log-ratios to the policy that started the step
    samplers: tuple[float, ...]  # log-ratios of the sampler to the learner
    references: tuple[float, ...]  # log-ratios of the reference policy
    lengths: tuple[int, ...]  # tokens
    limit: int  # tokens of the longest response
    joint: bool  # True if a rule depends on several tokens of a response together
    split: bool  # True if it matters which samples share a micro-batch

    @classmethod
    def of(cls, rules: Sequence[UpdateRule], shape: BatchShape) -> Self:
        """Return the breakpoints of rules, from the numbers in their settings."""
        tricks = [trick for rule in rules for trick in (*rule.tricks.values(), *rule.fillers.values())]
        in_loss = [trick for trick in tricks if hasattr(trick, "surrogate") or hasattr(trick, "token_losses")]
        in_update = [trick for trick in tricks if not hasattr(trick, "accept_groups")]
        limit = _limit(in_update, shape.limit)
        return cls(
            ratios=tuple(log_ratios(collect_numbers(in_loss))) if shape.moved else (0.0,),
            samplers=tuple(
                log_ratios(collect_numbers(trick for trick in tricks if "sampler_log_probs" in list_needs(trick)))
            ),
            references=tuple(
                divergences(collect_numbers(trick for trick in tricks if "ref_log_probs" in list_needs(trick)))
            ),
            lengths=tuple(choose_lengths(in_update, limit)),
            limit=limit,
            joint=any(map(_joins, in_update)),
            split=shape.split and any(map(_splits, in_update)),
        )


@dataclass(frozen=True, slots=True)
class GradientProbe:
    """A rollout batch with the policy at the start of its updates."""

    rollouts: Rollouts  # rewards are 1 for correct responses and 0 for others
    log_probs: Tensor  # (B, T)
    entropies: Tensor  # (B, T)
    updates: tuple[slice, ...]
    close: float  # relative tolerance of equal gradients

    def rewarded(self, right: float, wrong: float) -> Rollouts:
        """Return the rollouts under a reward scale, rounded to float32."""
        scale = torch.tensor([wrong, right], dtype=torch.float32).to(self.rollouts.rewards.dtype)
        return replace(self.rollouts, rewards=scale[self.rollouts.rewards.long()])


def build_probes(shape: BatchShape, breakpoints: Breakpoints) -> Iterator[GradientProbe]:
    """Yield the probe batches, the most informative first; equal arguments give equal batches."""
    generator = torch.Generator().manual_seed(0)
    for spec in _specs(shape, breakpoints):
        made = build_batch(spec, breakpoints, generator)
        dtype, size = spec.dtype, shape.group_size * spec.groups
        updates = tuple(slice(start, start + size) for start in range(0, spec.rows, size))
        yield GradientProbe(
            rollouts=made.rollouts,
            log_probs=made.log_probs,
            entropies=torch.rand(made.log_probs.shape, generator=generator, dtype=torch.float64).to(dtype),
            updates=updates[:2],
            close=ROUGH if spec.rough else CLOSE,
        )


def describe_untried(rule: UpdateRule, shape: BatchShape) -> str:
    """Return the bounds that no probe of this size can reach, as text.

    After whitening over the tokens of a batch, one advantage can be as large as the root of their number.
    """
    small = shape.prompts * shape.group_size * shape.limit <= _TOKENS
    tricks = (*rule.tricks.values(), *rule.fillers.values())
    if small or not any(hasattr(trick, "whiten") for trick in tricks):
        return ""
    return " ".join(sorted(repr(trick) for trick in tricks if hasattr(trick, "clip_advantages")))


def _specs(shape: BatchShape, breakpoints: Breakpoints) -> Iterator[SyntheticBatch]:
    groups, updates, size, limit = min(shape.groups, 3), min(shape.updates, 2), shape.group_size, breakpoints.limit
    if limit > _LONG:
        groups = 1
    usual = SyntheticBatch(groups=groups, updates=updates, group_size=size, width=limit, limit=limit)
    narrow = usual.but(groups=min(shape.groups, 3), width=min(limit, _NARROW))
    whole = usual.but(groups=shape.groups, updates=shape.updates, width=min(limit, 3))
    yield usual
    yield narrow.but(wild=True, number=1)
    yield usual.but(width=max(limit - 1, 1), number=5)  # a batch whose longest response ends before the limit
    for number in range(_times(24, usual.rows, 2)):
        wild = number % 2 == 1
        yield from (usual.but(right=right, wild=wild, number=number) for right in ("all", "none"))
        yield usual.but(right="alternate", lengths="full", truncated=True, wild=wild, number=number)
    most = max(map(len, (breakpoints.ratios, breakpoints.samplers, breakpoints.references)))
    turns = narrow.rows // 2 if breakpoints.joint else narrow.rows * narrow.width // 2
    yield from (narrow.but(wild=True, number=2 + number) for number in range(_times(5 * most, turns, 2)))
    for number in range(1, _times(4 * len(breakpoints.lengths), usual.rows, 4)):
        yield usual.but(wild=number % 2 == 1, number=number)
    yield from (whole.but(right="shares", number=number) for number in range(_times(size + 1, shape.prompts, 1)))
    yield from _extremes(usual.but(still=True), whole.but(still=True))
    yield from (whole.but(right=right, rough=True, dtype=torch.float32) for right in ("all", "shares"))


def _extremes(usual: SyntheticBatch, whole: SyntheticBatch) -> Iterator[SyntheticBatch]:
    """Yield batches with advantages as large as possible."""
    wide = whole.but(width=usual.width, rough=True) if whole.rows * usual.width <= _TOKENS else usual
    yield from (whole.but(right=right, rough=True) for right in ("one", "but one"))
    yield from (usual.but(right=right, lengths="full", extreme="all") for right in ("one", "but one"))
    yield from (wide.but(right=right, lengths="one short", rough=True) for right in ("one", "but one"))
    yield from (wide.but(right="all", lengths="full", extreme="one", rough=True, number=end) for end in (0, 1))


def _times(needed: int, each: int, least: int) -> int:
    """Return how many batches give what is needed, within a minimum and a maximum."""
    return max(least, min(-(-needed // max(each, 1)), _MOST))


def _joins(trick: object) -> bool:
    """Return True if a trick may depend on several tokens' log-probs; foreign tricks may."""
    if isinstance(trick, TruncatedImportance):
        return trick.level == "sequence"
    return not isinstance(trick, _BY_TOKEN) and any(hasattr(trick, hook) for hook in _ON_TOKENS)


def _splits(trick: object) -> bool:
    """Return True if a trick's weights may depend on micro-batches; foreign tricks' may."""
    return hasattr(trick, "loss_weights") and getattr(trick, "scope", "micro_batch") == "micro_batch"


def _limit(tricks: Sequence[object], limit: int) -> int:
    """Return the length limit, or a short one where no trick depends on the number of tokens."""
    bounded = any(hasattr(trick, hook) for trick in tricks for hook in _BOUNDS)
    return limit if bounded or collect_counts(tricks) else min(limit, _LONG)


_NOISE: Final = {torch.float64: 1e-11, torch.float32: 1e-6}  # advantages up to this size are rounding error
_UNIT: Final = 1e-15  # this share of a ratio is rounding error


@dataclass(frozen=True, slots=True)
class GradientSide:
    """An update rule with its reward scale."""

    rule: UpdateRule = field(compare=False)
    right: float
    wrong: float
    words: str  # the rule as text: sides with equal text and rewards are equal


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """The result of a rule on a probe."""

    accepted: Tensor  # (B,) bool, groups that the loop would accept
    taken: tuple[bool, ...]  # True for each update with a kept token; others are skipped
    gradients: Tensor  # (ways to split into micro-batches, 2, rows, T), of log-probs and of entropies
    noise: Tensor  # (rows, T), the size of rounding errors


def _by_token(rule: UpdateRule, probe: GradientProbe, signal: Signal, column: Tensor) -> Tensor:
    """Return the gradients (2, B, T) by log-probs and entropies where every sample has these weights (k,)."""
    rows = column.expand(len(signal.group), -1)
    found = compute_token_gradients(rule, probe.log_probs, signal, rows, probe.entropies)
    return torch.stack([part if part is not None else torch.zeros_like(probe.log_probs) for part in found])


def compute_answer(side: GradientSide, probe: GradientProbe, split: bool) -> ProbeAnswer:
    """Compute the gradients of a rule on a probe, from the rewards on.

    Args:
        side: the rule with its rewards
        probe: the batch
        split: also split updates into micro-batches

    Returns:
        The gradients and the accepted groups.

    """
    rollouts, rule = probe.rewarded(side.right, side.wrong), side.rule
    signal = rule.signal(rollouts)
    end = probe.updates[-1].stop
    # The loss of a sample is linear in its weights and does not depend on other samples' log-probs. A term with an
    # aggregation of its own has a second column of weights.
    weights = torch.stack([torch.cat(list(each)) for each in _weights(rule, signal, probe, split)])  # (ways, rows, k)
    columns = torch.eye(weights.shape[2], dtype=weights.dtype)
    by_column = [_by_token(rule, probe, signal, column)[:, :end] for column in columns]
    ratio = (probe.log_probs - rollouts.old_log_probs)[:end].exp()
    return ProbeAnswer(
        accepted=_accepted(rule, rollouts),
        taken=tuple(bool(signal.response_mask[rows].any()) for rows in probe.updates),
        gradients=reduce(
            torch.add, (weights[:, None, :, place, None] * found for place, found in enumerate(by_column))
        ),
        noise=weights.max() * (_NOISE[ratio.dtype] + _UNIT * ratio),
    )


def is_same_answer(one: ProbeAnswer, other: ProbeAnswer, close: float) -> bool:
    """Return True if two answers are equal up to rounding, token by token.

    A gradient below the median is compared with the median, because it may be a small difference of large numbers.

    Args:
        one: an answer
        other: the other answer
        close: the relative tolerance

    Returns:
        True if they agree.

    """
    if one.taken != other.taken or not torch.equal(one.accepted, other.accepted):
        return False
    sizes = torch.stack((one.gradients.abs(), other.gradients.abs()))
    noise = torch.maximum(one.noise, other.noise)
    both = sizes.amin(dim=0)
    moved = both[both > noise]
    usual = moved.median() if len(moved) else noise.new_zeros(())
    within = close * sizes.amax(dim=0).clamp(min=usual) + noise
    return bool(((one.gradients - other.gradients).abs() <= within).all())


def _accepted(rule: UpdateRule, rollouts: Rollouts) -> Tensor:
    idle = rule.resampling is None or rule.resampling in rule.no_effect_reasons()
    return torch.ones_like(rollouts.truncated) if idle else rule.accepted(rollouts)


def _weights(rule: UpdateRule, signal: Signal, probe: GradientProbe, split: bool) -> Iterator[Iterator[Tensor]]:
    """Yield the weights (rows, 1) of each update in turn, for every way to split it."""
    for way in _SPLITS if split else _SPLITS[:1]:
        yield (rule.loss_weights(signal[rows], way(signal.group[rows])) for rows in probe.updates)


# The micro-batch of each sample of an update: one for all, two uneven ones, one per sample.
_SPLITS: Final[tuple[Callable[[Tensor], Tensor], ...]] = (
    torch.zeros_like,
    lambda group: (torch.arange(len(group)) >= len(group) // 3).long(),
    lambda group: torch.arange(len(group)),
)
