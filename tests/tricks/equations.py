"""The objective of each preset as its paper writes it, sample by sample and token by token, in float64.

An equation is given the batch as lists, log pi as a table of scalars that carry gradients, and returns what is
maximised together with the advantages. Nothing here is shared with the tricks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tricks.batch import Rollouts

BETA = 1e-3  # of REINFORCE++ and its baseline


@dataclass(frozen=True, slots=True)
class Sampled:
    """A batch as lists, and log pi of the current policy."""

    rewards: list[float]
    groups: list[int]
    lengths: list[int]
    truncated: list[bool]
    old: list[list[float]]
    ref: list[list[float]]
    log_pi: Tensor  # (B, T) float64

    @property
    def everyone(self) -> list[int]:
        return list(range(len(self.rewards)))

    def tokens(self, i: int) -> range:
        return range(self.lengths[i])

    def group(self, i: int) -> list[int]:
        return [j for j in self.everyone if self.groups[j] == self.groups[i]]

    def ratio(self, i: int, t: int) -> Tensor:
        return (self.log_pi[i, t] - self.old[i][t]).exp()


Equation = Callable[[Sampled], tuple[Tensor, list[list[float]]]]


def sampled(batch: Rollouts, log_probs: Tensor) -> Sampled:
    """The batch for the equations; ``log_probs`` become float64 without another change."""
    return Sampled(
        rewards=batch.rewards.tolist(),
        groups=batch.group.tolist(),
        lengths=batch.response_mask.sum(dim=1).tolist(),
        truncated=batch.truncated.tolist(),
        old=batch.old_log_probs.tolist(),
        ref=[] if batch.ref_log_probs is None else batch.ref_log_probs.tolist(),
        log_pi=log_probs.detach().double().requires_grad_(),
    )


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def variance(values: list[float]) -> float:
    return sum((value - mean(values)) ** 2 for value in values) / (len(values) - 1)


def one_each(advantages: list[float]) -> list[list[float]]:
    return [[advantage] for advantage in advantages]


def clipped(s: Sampled, i: int, t: int, advantage: float, high: float = 0.2) -> Tensor:
    ratio = s.ratio(i, t)
    return torch.minimum(ratio * advantage, ratio.clamp(1 - 0.2, 1 + high) * advantage)


def weighted(s: Sampled, i: int, t: int, advantage: float) -> Tensor:
    """CISPO's token: the ratio is a constant weight of at most 5."""
    return min(s.ratio(i, t).item(), 5.0) * advantage * s.log_pi[i, t]


def over_tokens(s: Sampled, those: list[int], token: Callable[[int, int], Tensor]) -> Tensor:
    """Sum over all tokens over the number of tokens."""
    terms = [token(i, t) for i in those for t in s.tokens(i)]
    return torch.stack(terms).sum() / len(terms)


def over_responses(s: Sampled, token: Callable[[int, int], Tensor], length: Callable[[int], float]) -> Tensor:
    """Mean over responses of the sum of their tokens over a length."""
    rows = [torch.stack([token(i, t) for t in s.tokens(i)]).sum() / length(i) for i in s.everyone]
    return torch.stack(rows).mean()


def group_centred(s: Sampled) -> list[float]:
    return [s.rewards[i] - mean([s.rewards[j] for j in s.group(i)]) for i in s.everyone]


def group_normalised(s: Sampled, rewards: list[float] | None = None) -> list[float]:
    r = s.rewards if rewards is None else rewards
    groups = [[r[j] for j in s.group(i)] for i in s.everyone]
    return [(r[i] - mean(group)) / (math.sqrt(variance(group)) + 1e-6) for i, group in enumerate(groups)]


def whitened(s: Sampled, advantages: list[list[float]]) -> list[list[float]]:
    """Over all tokens of the batch: each response's advantage counts once per token."""
    wide = len(advantages[0]) > 1
    every = [advantages[i][t if wide else 0] for i in s.everyone for t in s.tokens(i)]
    return [[(value - mean(every)) / math.sqrt(variance(every) + 1e-8) for value in row] for row in advantages]


def ppo(s: Sampled) -> tuple[Tensor, list[list[float]]]:
    a = s.rewards
    return over_responses(s, lambda i, t: clipped(s, i, t, a[i]), lambda i: s.lengths[i]), one_each(a)


def reinforce(s: Sampled) -> tuple[Tensor, list[list[float]]]:
    a = s.rewards
    return over_responses(s, lambda i, t: a[i] * s.log_pi[i, t], lambda i: 1), one_each(a)


def rloo(s: Sampled) -> tuple[Tensor, list[list[float]]]:
    a = [s.rewards[i] - mean([s.rewards[j] for j in s.group(i) if j != i]) for i in s.everyone]
    return over_responses(s, lambda i, t: a[i] * s.log_pi[i, t], lambda i: 1), one_each(a)


def grpo(s: Sampled) -> tuple[Tensor, list[list[float]]]:
    a = group_normalised(s)
    return over_responses(s, lambda i, t: clipped(s, i, t, a[i]), lambda i: s.lengths[i]), one_each(a)


def dr_grpo(s: Sampled) -> tuple[Tensor, list[list[float]]]:
    a, limit = group_centred(s), 6
    return over_responses(s, lambda i, t: clipped(s, i, t, a[i]), lambda i: limit), one_each(a)


def dapo(s: Sampled) -> tuple[Tensor, list[list[float]]]:
    limit, cache = 6, 4
    punished = [
        reward + min(0.0, max(-1.0, (limit - cache - length) / cache))
        for reward, length in zip(s.rewards, s.lengths, strict=True)
    ]
    a = group_normalised(s, punished)
    return over_tokens(s, s.everyone, lambda i, t: clipped(s, i, t, a[i], 0.28)), one_each(a)


def dapo_static(s: Sampled) -> tuple[Tensor, list[list[float]]]:
    a, ended = group_normalised(s), [i for i in s.everyone if not s.truncated[i]]
    return over_tokens(s, ended, lambda i, t: clipped(s, i, t, a[i], 0.28)), one_each(a)


def reinforce_pp(s: Sampled) -> tuple[Tensor, list[list[float]]]:
    def to_go(i: int, t: int) -> float:
        return sum(s.old[i][u] - s.ref[i][u] for u in s.tokens(i) if u >= t)

    widest = range(s.log_pi.shape[1])
    a = whitened(s, [[s.rewards[i] - BETA * to_go(i, t) for t in widest] for i in s.everyone])
    return over_tokens(s, s.everyone, lambda i, t: clipped(s, i, t, a[i][t])), a


def reinforce_pp_baseline(s: Sampled) -> tuple[Tensor, list[list[float]]]:
    a = whitened(s, one_each(group_centred(s)))

    def token(i: int, t: int) -> Tensor:
        return clipped(s, i, t, a[i][0]) - BETA * (s.log_pi[i, t] - s.ref[i][t]) ** 2 / 2

    return over_tokens(s, s.everyone, token), a


def gspo(s: Sampled) -> tuple[Tensor, list[list[float]]]:
    a = group_normalised(s)

    def response(i: int) -> Tensor:
        likelihood = torch.stack([s.ratio(i, t) for t in s.tokens(i)]).prod()
        ratio = likelihood ** (1 / s.lengths[i])
        return torch.minimum(ratio * a[i], ratio.clamp(1 - 3e-4, 1 + 4e-4) * a[i])

    return torch.stack([response(i) for i in s.everyone]).mean(), one_each(a)


def cispo(s: Sampled) -> tuple[Tensor, list[list[float]]]:
    a = group_normalised(s)
    return over_tokens(s, s.everyone, lambda i, t: weighted(s, i, t, a[i])), one_each(a)


def liteppo(s: Sampled) -> tuple[Tensor, list[list[float]]]:
    deviation = math.sqrt(variance(s.rewards)) + 1e-6
    a = [difference / deviation for difference in group_centred(s)]
    return over_tokens(s, s.everyone, lambda i, t: clipped(s, i, t, a[i])), one_each(a)


def scalerl(s: Sampled) -> tuple[Tensor, list[list[float]]]:
    centred = group_centred(s)
    deviation = math.sqrt(sum(value**2 for value in centred) / (len(centred) - 1)) + 1e-6
    a = [difference / deviation for difference in centred]
    mixed = [s.group(i) for i in s.everyone if len({s.rewards[j] for j in s.group(i)}) > 1 and i == s.group(i)[0]]
    prompts = [over_tokens(s, group, lambda i, t: weighted(s, i, t, a[i])) for group in mixed]
    return torch.stack(prompts).mean(), one_each(a)


EQUATIONS: dict[str, Equation] = {
    "vanilla_ppo": ppo,
    "reinforce": reinforce,
    "grpo": grpo,
    "dr_grpo": dr_grpo,
    "dapo": dapo,
    "dapo_static": dapo_static,
    "rloo": rloo,
    "reinforce_pp": reinforce_pp,
    "reinforce_pp_baseline": reinforce_pp_baseline,
    "gspo": gspo,
    "cispo": cispo,
    "liteppo": liteppo,
    "scalerl": scalerl,
}
