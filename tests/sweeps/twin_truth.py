"""Whether two configs can differ, found out the long way: many big random batches, with nothing from ``sweeps``."""

from dataclasses import replace

import torch

from harness.config.experiment import ExperimentConfig
from tricks.batch import Rollouts
from tricks.rule import UpdateRule


def differ(one: ExperimentConfig, other: ExperimentConfig, batches: int = 12, seed: int = 0) -> str:
    """How the two part on a random batch; empty where they agree on all."""
    rules = one.update_rule(), other.update_rule()
    chance = torch.Generator().manual_seed(seed)
    for number in range(batches):
        rollouts, log_probs, entropies = _batch(one, chance, number)
        found = [
            _updates(rule, config, rollouts, log_probs, entropies, number)
            for rule, config in zip(rules, (one, other), strict=True)
        ]
        for place, (left, right) in enumerate(zip(*found, strict=True)):
            if (left is None) != (right is None):
                return f"batch {number}, update {place}: one is skipped"
            if left is not None and (by := _apart(left, right)) > 1:
                return f"batch {number}, update {place}: {by:.3g} times the tolerance"
    return ""


def _apart(left: torch.Tensor, right: torch.Tensor) -> float:
    """The largest difference, in parts of one in 10,000: what epsilon does where nearly all rewards are equal."""
    size = torch.maximum(left.abs(), right.abs())
    typical = size[size > 1e-8].median() if (size > 1e-8).any() else torch.zeros(())
    return float(((left - right).abs() / (1e-4 * torch.maximum(size, typical) + 1e-8)).max())


def _batch(config: ExperimentConfig, chance: torch.Generator, number: int):
    groups, size, limit = (
        config.rollout.prompts_per_batch,
        config.rollout.group_size,
        config.rollout.max_response_length,
    )
    rows = groups * size
    width = limit if number % 3 else int(torch.randint(1, limit + 1, (), generator=chance))
    hard = torch.rand(groups, generator=chance).repeat_interleave(size)
    right = torch.rand(rows, generator=chance) < (hard if number % 2 else hard.round() * 0.7 + 0.15)
    if number % 5 == 4:  # groups without a signal
        right = hard < 0.5
    lengths = torch.randint(1, width + 1, (rows,), generator=chance)
    lengths = torch.where(torch.rand(rows, generator=chance) < 0.25 * (number % 4), width, lengths)
    truncated = (lengths == limit) & (torch.rand(rows, generator=chance) < 0.7)
    wide = (0.1, 1.0, 5.0, 12.0)[number % 4]

    def gap():
        drawn = torch.randn(rows, width, generator=chance, dtype=torch.float64) * wide
        whole = torch.randn(rows, 1, generator=chance, dtype=torch.float64) * wide
        return torch.where(torch.rand(rows, 1, generator=chance) < 0.5, drawn, whole.expand_as(drawn)).clamp(-30, 30)

    moved = gap() if config.optim.updates_per_rollout > 1 else torch.zeros(rows, width, dtype=torch.float64)
    old = -torch.rand(rows, width, generator=chance, dtype=torch.float64) - 31
    rollouts = Rollouts(
        old_log_probs=old,
        response_mask=torch.arange(width) < lengths[:, None],
        rewards=right.double(),
        group=torch.arange(groups).repeat_interleave(size),
        truncated=truncated,
        sampler_log_probs=old + gap(),
        ref_log_probs=old + gap(),
        ended=~truncated,
        formatted=torch.rand(rows, generator=chance) < 0.6,
        max_response_length=limit,
    )
    return rollouts, old + moved, torch.rand(rows, width, generator=chance, dtype=torch.float64) * 3


def _updates(rule: UpdateRule, config: ExperimentConfig, rollouts, log_probs, entropies, number):
    """The gradient of each update; None where it is skipped."""
    scale = config.reward
    rewards = torch.where(rollouts.rewards > 0, scale.correct, scale.wrong).float().double()
    signal = rule.signal(replace(rollouts, rewards=rewards))
    updates = config.optim.updates_per_rollout // config.optim.epochs
    each = len(rewards) // updates
    found = []
    for start in range(0, len(rewards), each):
        rows = slice(start, start + each)
        if not signal[rows].response_mask.any():
            found.append(None)
            continue
        parts = torch.arange(each) // max(1, each // (1 + number % 3 * (config.optim.micro_batch_tokens == 1)))
        now = log_probs[rows].clone().requires_grad_()
        spread = entropies[rows].clone().requires_grad_()
        weights = rule.loss_weights(signal[rows], parts)
        loss = rule.loss(now, signal[rows], weights, spread)
        got = (
            torch.autograd.grad(loss, [now, spread], materialize_grads=True)
            if loss.requires_grad
            else (now * 0, now * 0)
        )
        found.append(torch.stack(got).detach())
    return found
