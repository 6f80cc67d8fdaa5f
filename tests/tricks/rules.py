"""Every preset, and vanilla PPO with each trick of the catalog."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.tricks.batches import SETUP, rule
from tricks.batch import Rollouts
from tricks.catalog import BUILT_IN_TRICKS
from tricks.dialects.build import build_rule
from tricks.presets import PRESETS
from tricks.rule import UpdateRule

RULES = {preset: build_rule(preset, {}, "none", SETUP) for preset in PRESETS} | {
    spec.name: rule(spec.name) for spec in BUILT_IN_TRICKS
}


def loss_and_gradient(update_rule: UpdateRule, batch: Rollouts, log_probs: Tensor) -> tuple[Tensor, Tensor]:
    """Loss of a whole update and its gradient with respect to the log-probs; every entropy is 1."""
    leaf, signal = log_probs.detach().clone().requires_grad_(), update_rule.signal(batch)
    loss = update_rule.loss(leaf, signal, update_rule.loss_weights(signal), torch.ones_like(log_probs))
    return loss.detach(), torch.autograd.grad(loss, leaf, materialize_grads=True)[0]
