"""What a rule does with a probe batch: the gradient of every update, and whether it is taken at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from tricks.fired import token_gradients
from tricks.rule import UpdateRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sweeps.probes import Probe
    from tricks.batch import Rollouts, Signal

_NOISE: Final = {torch.float64: 1e-11, torch.float32: 1e-6}  # an advantage as small as this is rounding
_UNIT: Final = 1e-15  # and so is this part of a ratio


@dataclass(frozen=True, slots=True)
class Side:
    """A rule with the reward scale it is used under."""

    rule: UpdateRule = field(compare=False)
    right: float
    wrong: float
    words: str  # the rule in words: sides with the same words and rewards are the same


@dataclass(frozen=True, slots=True)
class Answer:
    """What a side makes of a probe."""

    accepted: Tensor  # (B,) bool, groups that the loop would keep
    taken: tuple[bool, ...]  # whether an update has a kept token; without one it is skipped
    gradients: Tensor  # (ways to split into micro-batches, 2, rows, T), of log-probs and of entropies
    noise: Tensor  # (rows, T), what is no more than rounding


def answer(side: Side, probe: Probe, split: bool) -> Answer:
    """Rewards to gradients, all the way."""
    rollouts, rule = probe.rewarded(side.right, side.wrong), side.rule
    signal = rule.signal(rollouts)
    end = probe.updates[-1].stop
    rows = torch.ones_like(signal.old_log_probs[:, :1])
    found = token_gradients(rule, probe.log_probs, signal, rows, probe.entropies)
    by_token = torch.stack([part if part is not None else torch.zeros_like(probe.log_probs) for part in found])[:, :end]
    # The loss of a sample is linear in its weight and knows no other sample's log-probs.
    weights = torch.stack([torch.cat(list(each)) for each in _weights(rule, signal, probe, split)])  # (ways, rows, 1)
    ratio = (probe.log_probs - rollouts.old_log_probs)[:end].exp()
    return Answer(
        accepted=_accepted(rule, rollouts),
        taken=tuple(bool(signal.response_mask[rows].any()) for rows in probe.updates),
        gradients=weights[:, None] * by_token,
        noise=weights.max() * (_NOISE[ratio.dtype] + _UNIT * ratio),
    )


def agree(one: Answer, other: Answer, close: float) -> bool:
    """Whether two answers are the same but for rounding, token by token.

    A gradient below the median of those that both have is held to that: it may be a small difference of large ones.
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
    idle = rule.resampling is None or rule.resampling in rule.inert()
    return torch.ones_like(rollouts.truncated) if idle else rule.accepted(rollouts)


def _weights(rule: UpdateRule, signal: Signal, probe: Probe, split: bool) -> Iterator[Iterator[Tensor]]:
    """The weights (rows, 1) of each update in turn, for every way to split it."""
    for way in _SPLITS if split else _SPLITS[:1]:
        yield (rule.loss_weights(signal[rows], way(signal.group[rows])) for rows in probe.updates)


# Which micro-batch each sample of an update is in: all in one, uneven ones, one each.
_SPLITS: Final[tuple[Callable[[Tensor], Tensor], ...]] = (
    torch.zeros_like,
    lambda group: (torch.arange(len(group)) >= len(group) // 3).long(),
    lambda group: torch.arange(len(group)),
)
