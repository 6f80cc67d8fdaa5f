"""Numbers that tell a rule's parts apart: the advantages of a group, the weights of tokens, the gradient of the KL."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from tricks.api import TrickError
from tricks.batch import Rollouts
from tricks.fired import compute_token_gradients
from tricks.tensors import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from tricks.rule import UpdateRule

_LIMIT: Final = 16  # tokens
_MOVED: Final = math.log(1.5)  # nats that a token has moved
_KL_AT: Final = 1.0  # nats by which the policy's log-prob is above the reference's


def probe_rule(rule: UpdateRule) -> dict[str, str]:
    """Return numbers of a rule on small batches, by what they are; a part that cannot be computed says why."""
    probes = {
        "advantages of a group, 1 of 8 right: right, wrong": _advantages,
        "weight of a token in responses of 5 and 15, one micro-batch": lambda rule: _weights(rule, (0, 0, 0, 0)),
        "the same in two micro-batches, 10 and 30 tokens": lambda rule: _weights(rule, (0, 0, 1, 1)),
        "the same where the last response is cut at the limit": lambda rule: _weights(rule, (0, 0, 0, 0), cut=True),
        "gradient of a token's loss at ratio 1.5, advantage 1 and -1": _clipped,
        f"gradient of the KL term where log pi - log ref = {_KL_AT:g}": _kl,
    }
    found = {}
    for name, compute in probes.items():
        try:
            found[name] = compute(rule)
        except TrickError as error:
            found[name] = str(error).splitlines()[0]
    return found


def _batch(
    rewards: Sequence[float], lengths: Sequence[int], groups: Sequence[int], cut: Sequence[int] = (), ref: float = 0.0
) -> Rollouts:
    """Return a batch in which every log-prob is -1, and those of the reference are ``ref`` above it."""
    mask = torch.arange(_LIMIT)[None] < torch.tensor(lengths)[:, None]
    old = torch.full(mask.shape, -1.0, dtype=torch.float64)
    truncated = torch.tensor([row in cut for row in range(len(rewards))])
    return Rollouts(
        old_log_probs=old,
        response_mask=mask,
        rewards=torch.tensor(rewards, dtype=torch.float64),
        group=torch.tensor(groups),
        truncated=truncated,
        sampler_log_probs=old,
        ref_log_probs=old + ref,
        ended=~truncated,
        formatted=torch.ones_like(truncated),
        max_response_length=_LIMIT,
    )


def _gradient(rule: UpdateRule, batch: Rollouts, now: Tensor, micro_batch: Sequence[int] | None = None) -> Tensor:
    signal = rule.signal(batch)
    weights = rule.loss_weights(signal, None if micro_batch is None else torch.tensor(micro_batch))
    return compute_token_gradients(rule, now, signal, weights, torch.ones_like(now))[0]


def _advantages(rule: UpdateRule) -> str:
    batch = _batch([1.0, *[0.0] * 7, *[1.0] * 4, *[0.0] * 4], [4] * 16, [0] * 8 + [1] * 8)
    advantages = rule.signal(batch).advantages[:, 0]
    return ", ".join(f"{float(advantages[row]):.5f}" for row in (0, 1))


def _weights(rule: UpdateRule, micro_batch: Sequence[int], cut: bool = False) -> str:
    """Return |d loss / d log-prob| over |advantage| of a token in each kind of response."""
    batch = _batch([1.0, 0.0, 0.0, 1.0], [5, 5, 15, 15], [0, 0, 1, 1], (3,) if cut else ())
    signal = rule.signal(batch)
    gradient = _gradient(rule, batch, batch.old_log_probs, micro_batch)
    sizes = signal.advantages.expand_as(gradient).abs()
    ratio = gradient.abs() / sizes
    return ", ".join("0" if not float(sizes[row, 0]) else f"{float(ratio[row, 0]):.5f}" for row in (0, 2, 3))


def _clipped(rule: UpdateRule) -> str:
    batch = _batch([1.0, 0.0], [1, 1], [0, 0], ref=_MOVED)
    signal = rule.signal(batch)
    gradient = _gradient(rule, batch, batch.old_log_probs + _MOVED)
    return ", ".join(
        f"{float(gradient[row, 0] / signal.advantages[row, 0].abs()):.5f}" if float(signal.advantages[row, 0]) else "0"
        for row in (0, 1)
    )


def _kl(rule: UpdateRule) -> str:
    if not any(name.startswith("kl") for name in rule.tricks):
        return "no KL term"
    batch = _batch([0.0, 0.0], [1, 1], [0, 0], ref=-_KL_AT)
    return f"{2 * float(_gradient(rule, batch, batch.old_log_probs)[0, 0]):.5f}"
