"""An update split as trainers split it, and the gradient of a small policy that the parts add up to."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from tests.tricks.batches import example
from tricks.batch import Rollouts, Signal
from tricks.rule import UpdateRule

Ranks = list[list[list[int]]]  # the samples of each micro-batch of each rank
FEATURES = 5


@dataclass(frozen=True, slots=True)
class Policy:
    """Log-probs and entropies that are linear in shared weights, so that parts of an update have gradients to add."""

    contexts: Tensor  # (B, T, FEATURES)
    weights: Tensor  # (FEATURES, 2)

    def __call__(self, rows: list[int], width: int) -> tuple[Tensor, Tensor]:
        """Log-probs and entropies (len(rows), width), with gradients to the weights."""
        log_probs, entropies = (self.contexts[rows, :width] @ self.weights).unbind(dim=-1)
        return log_probs - 1.5, entropies


def sample(dtype: torch.dtype) -> tuple[Rollouts, Policy]:
    """Twelve responses of a policy that has since moved, and the policy it is now."""
    generator = torch.Generator().manual_seed(7)
    batch = example(torch.float64, prompts=3)
    contexts = torch.randn(*batch.response_mask.shape, FEATURES, generator=generator, dtype=torch.float64)
    weights, step = 0.2 * torch.randn(2, FEATURES, 2, generator=generator, dtype=torch.float64)
    old, _ = Policy(contexts, weights)(list(range(len(batch.rewards))), batch.response_mask.shape[1])
    parts = {
        "old_log_probs": old,
        "rewards": batch.rewards + 0.25 * contexts[:, 0, 2],
        "sampler_log_probs": old + 0.3 * contexts[..., 0],
        "ref_log_probs": old + 0.3 * contexts[..., 1],
    }
    moved = Policy(contexts.to(dtype), (weights + step).to(dtype).requires_grad_())
    return replace(batch, **{name: part.to(dtype) for name, part in parts.items()}), moved


def partitions(name: str, samples: int, count: int) -> Iterator[Ranks]:
    """Random splits: samples in any order, dealt to ranks, to accumulation steps and to micro-batches."""
    draw = random.Random(name)
    for _ in range(count):
        order = draw.sample(range(samples), samples)
        yield [[part for step in cut(draw, rank) for part in cut(draw, step)] for rank in cut(draw, order)]


def cut(draw: random.Random, row: list[int]) -> list[list[int]]:
    """A list cut at random places into one to three parts, none of them empty."""
    places = sorted(draw.sample(range(1, len(row)), min(len(row) - 1, draw.randrange(3))))
    return [row[start:stop] for start, stop in zip([0, *places], [*places, len(row)], strict=True)]


def gradient(
    update_rule: UpdateRule, policy: Policy, signal: Signal, weights: Tensor, ranks: Ranks, *, packed: bool
) -> Tensor:
    """Gradient of the policy's weights: accumulated over the micro-batches of a rank, added up over ranks.

    ``packed`` cuts each micro-batch to its own longest response.
    """
    found = []
    for rank in ranks:
        accumulated = torch.zeros_like(policy.weights)
        for rows in rank:
            width = int(signal.sampled_mask[rows].sum(dim=1).max()) if packed else signal.sampled_mask.shape[1]
            log_probs, entropies = policy(rows, width)
            loss = update_rule.loss(log_probs, narrowed(signal[torch.tensor(rows)], width), weights[rows], entropies)
            accumulated += torch.autograd.grad(loss, policy.weights)[0]
        found.append(accumulated)
    return torch.stack(found).sum(dim=0)


def narrowed(signal: Signal, width: int) -> Signal:
    """The signal of the first tokens of each response."""
    values = {field.name: getattr(signal, field.name) for field in fields(signal)}
    wide = {
        name: value[:, :width]
        for name, value in values.items()
        if isinstance(value, Tensor) and value.dim() == 2 and value.shape[1] > 1
    }
    return replace(signal, **wide)
